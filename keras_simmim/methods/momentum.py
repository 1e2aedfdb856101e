"""Networks that follow others: copies whose weights are a moving average."""

import keras
from keras import ops

from keras_simmim.encoders import check_encoder
from keras_simmim.encoders.symbolic import words_of


def frozen_copy(layer, image_shape=None):
    """A copy of a built layer, from its config, with the same weights, which are not trained.

    It is the weights that are frozen: a layer that is would run batch norm in inference mode.

    Args:
        layer: an encoder or a head.
        image_shape: `(height, width, channels)` where it is an encoder, which may have to be built.

    Raises:
        ValueError: for a layer that can't be made from its config.
    """
    copy = _copy(layer)
    if image_shape is not None:
        check_encoder(copy, image_shape)
    elif not copy.built:
        copy.build_from_config(layer.get_build_config())
    for weight, original in weight_pairs(copy, layer):
        weight.assign(keras.ops.convert_to_numpy(original))  # JAX would share the buffer
    freeze(copy)
    return copy


def weight_pairs(target, online):
    """Returns pairs of a weight of a target and the online layer's.

    Raises:
        ValueError: where the online layer has changed since it was copied, as by LoRA.
    """
    copies, originals = target.weights, online.weights
    if [tuple(w.shape) for w in copies] != [tuple(w.shape) for w in originals]:
        raise ValueError(
            f"The target network is a copy of '{online.name}' and has the same weights: change "
            "layers, as `enable_lora` does, before the method is made, or take a method without a "
            "target, such as SimMIM. "
            f"Received: {len(originals)} weights, of which the copy has {len(copies)}"
        )
    return list(zip(copies, originals, strict=True))


def _copy(layer):
    try:
        config = keras.saving.serialize_keras_object(layer)
        if "name" in config["config"]:
            # Layers of one name could not be told apart in `summary` and by `get_layer`.
            config["config"]["name"] = f"target_{layer.name}"
        return keras.saving.deserialize_keras_object(config)
    except Exception as error:  # whatever classes of somebody else raise
        raise ValueError(
            f"The target network is a copy of '{layer.name}', made from its configuration: give "
            "its class a `get_config` with all arguments, and the decorator "
            "`@keras.saving.register_keras_serializable()`. "
            f"Received from {type(layer).__name__}: {words_of(error)}"
        ) from error


def require_built(method):
    """Raises a ValueError for a method with a target whose encoder does not know its images yet.

    Built by the first step, the target would be copied where nothing can be copied: in a graph.
    """
    if not method.built:
        raise ValueError(
            f"{type(method).__name__} copies its encoder before training, and this encoder does "
            "not know the shape of its images. Give it one (`keras.Input`), or call "
            "`build((None, height, width, channels))` of the method before `compile`. "
            f"Received: encoder '{method.encoder.name}'"
        )


def freeze(layer):
    """Excludes the weights of a layer from training, one by one."""
    for weight in layer.trainable_weights:
        weight.trainable = False


def follow(target, online, momentum, optimizer):
    """Moves trained weights towards the online layer's: m * target + (1 - m) * online.

    Statistics of batch norm are left: the target keeps its own.

    Args:
        target: what `frozen_copy` made.
        online: the layer that it is a copy of.
        momentum: m, a number or scalar tensor.
        optimizer: the optimizer that has just seen a batch; while it accumulates gradients, the
            target stays.
    """
    accumulated = innermost(optimizer).gradient_accumulation_steps
    if accumulated:
        updated = ops.equal(batches_seen(optimizer) % accumulated, 0)
        momentum = ops.where(updated, momentum, 1.0)
    for slow, fast in weight_pairs(target, online):
        if fast.trainable:
            slow.assign(slow * momentum + fast * (1 - momentum))


def batches_seen(optimizer):
    """Batches that an optimizer was given, as an integer tensor."""
    # The public `iterations` counts updates, several batches each while gradients accumulate.
    return innermost(optimizer)._iterations.value


def innermost(optimizer):
    """The optimizer below loss scaling."""
    return getattr(optimizer, "inner_optimizer", optimizer)
