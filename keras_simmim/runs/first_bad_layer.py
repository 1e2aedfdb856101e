import keras
import numpy as np


def first_bad_layer(method, images) -> str | None:
    """Finds where a training step first gets values that are not finite.

    Args:
        method: the method, with the weights that it had before the step.
        images: the batch, `(B, H, W, C)`.

    Returns:
        In words: the images themselves; the layer, by its path, that makes values that are not
        finite of finite ones; or the last layer with such weights, whose gradient was the first of
        the step before. None where all is finite.
    """
    bad = int(np.sum(~np.isfinite(np.asarray(images, "float32"))))
    if bad:
        return f"the images themselves: {bad:,} of their pixels are not finite"
    layers = [
        layer
        for layer in method._flatten_layers(include_self=False)
        if not list(layer._flatten_layers(include_self=False))
    ]
    # Before the moving statistics of batch norm see the batch.
    spoiled = {id(layer) for layer in layers if not _is_finite(layer.weights)}
    ran: list = []  # (layer, whether what it gave was finite), as they ran
    try:
        for layer in layers:
            # Past `setattr`, by which Keras tracks what belongs to a layer.
            vars(layer)["call"] = _watched(layer, layer.call, ran)
        method.loss_of(method.view_outputs(images, training=True), training=True)
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
    by_gradient = [layer for layer, _ in ran if id(layer) in spoiled]
    if by_gradient:
        return f"the weights of {_describe(by_gradient[-1])}, by the gradient of the step before"
    bad_layers = [layer for layer, finite in ran if not finite]
    return f"what {_describe(bad_layers[0])} gives" if bad_layers else None


def _watched(layer, call, ran):
    def watched(*args, **kwargs):
        outputs = call(*args, **kwargs)
        ran.append((layer, _is_finite(keras.tree.flatten(outputs))))
        return outputs

    return watched


def _is_finite(tensors):
    return all(
        bool(keras.ops.all(keras.ops.isfinite(keras.ops.cast(tensor, "float32"))))
        for tensor in tensors
        if keras.backend.is_float_dtype(keras.backend.standardize_dtype(tensor.dtype))
    )


def _describe(layer):
    return f"layer '{layer.path}' ({type(layer).__name__})"
