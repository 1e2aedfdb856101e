import inspect
import numbers

import keras

from keras_simmim.encoders.require_encoder import require_encoder
from keras_simmim.encoders.symbolic import encode_symbolically, words_of

NEEDED = (
    "Masked image modelling needs an encoder that puts a token in the place of masked patches, "
    "such as `keras_simmim.encoders.ViT`: with `patch_size`, an integer; `image_shape`, (height, "
    "width, channels); `standardize`, a `keras_simmim.encoders.Standardize`, which it normalises "
    "images by; and `call(images, patch_mask=None, mask_token=None, training=False)`. Other "
    "encoders are trained by the other methods."
)


def require_masks(encoder):
    """Raises a ValueError for an encoder that says nothing of patches, or takes no masks of them.

    Args:
        encoder: `keras.Model` or layer, built or not.
    """
    require_encoder(encoder)
    faults = [*_attribute_faults(encoder), *_call_faults(encoder)]
    if faults:
        raise ValueError(
            f"{NEEDED} Received: encoder '{encoder.name}' ({type(encoder).__name__}), "
            f"{', '.join(faults)}"
        )


def check_masks(encoder, image_shape, features_shape):
    """Raises a ValueError unless an encoder gives one token for each patch, masked or not.

    Args:
        encoder: an encoder that `require_masks` lets pass, built.
        image_shape: `(height, width, channels)`, all known, multiples of the patches.
        features_shape: shape of its features, as `check_encoder` returns it.
    """
    size = encoder.patch_size
    rows, columns = (side // size for side in image_shape[:2])
    channels = features_shape[-1]
    try:
        tokens = encode_symbolically(
            encoder,
            image_shape,
            patch_mask=keras.Input((rows, columns), dtype="bool"),
            mask_token=keras.KerasTensor((channels,), dtype="float32"),
            training=False,
        )
    except Exception as error:  # whatever an encoder of somebody else raises
        raise ValueError(
            f"The encoder '{encoder.name}' can't take a mask (batch, {rows}, {columns}) of the "
            f"patches of images of shape {image_shape}, and a token of {channels} channels. "
            f"Received from it: {words_of(error)}"
        ) from error
    shape = tuple(getattr(tokens, "shape", ()))
    if len(shape) != 3 or shape[1] not in (rows * columns, None):
        raise ValueError(
            f"The encoder '{encoder.name}' must return one token for each patch, row by row, and "
            f"no class token: (batch, {rows * columns}, channels) of images of shape "
            f"{image_shape} in patches of {size} pixels. Received: features of shape {shape}"
        )


def _attribute_faults(encoder):
    """What is wrong with what the encoder says of its patches, in words."""
    faults = []
    size = getattr(encoder, "patch_size", None)
    if size is None:
        faults.append("which has no `patch_size`")
    elif not isinstance(size, numbers.Integral) or size < 1:
        faults.append(f"whose `patch_size` is {size!r}")
    shape = getattr(encoder, "image_shape", None)
    if shape is None:
        faults.append("which has no `image_shape`")
    elif not isinstance(shape, list | tuple) or len(shape) != 3 or shape[-1] is None:
        faults.append(f"whose `image_shape` is {shape!r}")
    standardize = getattr(encoder, "standardize", None)
    if not hasattr(standardize, "mean") or not hasattr(standardize, "std"):
        faults.append("which has no `standardize` with a `mean` and a `std`")
    return faults


def _call_faults(encoder):
    """Which arguments of masks `call` does not take, in words."""
    parameters = inspect.signature(encoder.call).parameters
    # A functional model takes any argument, and drops it.
    functional = bool(getattr(encoder, "inputs", None))
    if not functional and any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return []
    missing = [f"`{name}`" for name in ("patch_mask", "mask_token") if name not in parameters]
    return [f"whose `call` takes no {' and no '.join(missing)}"] if missing else []
