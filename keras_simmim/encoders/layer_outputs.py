from collections.abc import Iterable
from typing import Any, NamedTuple

import keras

from keras_simmim.encoders.block_ends import block_ends
from keras_simmim.encoders.normalized import Normalized
from keras_simmim.encoders.trace import trace


class LayerOutputs(NamedTuple):
    """What the layers of an encoder make of images, made by `layer_outputs`.

    Attributes:
        output: what the encoder itself returns.
        by_name: what each layer returns, by its name, in the order in which images pass them.
        blocks: names of the layers that blocks end with.
        levels: maps of the encoder's feature pyramid, by their names.
    """

    output: Any
    by_name: dict[str, keras.KerasTensor]
    blocks: list[str]
    levels: dict[str, keras.KerasTensor]

    def pick(self, names: Iterable[str], argument: str) -> dict[str, keras.KerasTensor]:
        """What the layers or levels of those names return, in the order of the layers.

        Args:
            names: names of layers or levels.
            argument: where the names are from, for the error.

        Raises:
            ValueError: for a name that there is not, or no names.
        """
        known = {**self.by_name, **self.levels}
        names = list(names)
        if not names or not all(name in known for name in names):
            raise ValueError(
                f"`{argument}` must name layers of the encoder, such as "
                f"{[*self.levels, *self.blocks] or list(self.by_name)}. "
                f"Received: {argument}={names}"
            )
        return {name: tensor for name, tensor in known.items() if name in names}


def layer_outputs(
    encoder: keras.layers.Layer,
    images: keras.KerasTensor,
    seen: keras.KerasTensor | None = None,
) -> LayerOutputs:
    """What the layers of an encoder make of images, symbolically.

    Takes functional and sequential models, encoders with a method `layer_outputs(images)` that
    returns a list of features, one for each block, the last of which is the encoder's output (such
    as `ViT`; they are named `block_1`, `block_2`, ...), and either of them in `Normalized`.

    Args:
        encoder: the encoder, built.
        images: `keras.Input`.
        seen: what the encoder gets in their place, made of them; None: the images themselves.

    Returns:
        `LayerOutputs`. Blocks of a functional model are those of `block_ends`, its levels what
        backbones of keras-hub and keras-cv call so (`"P3"`, ...), or the names of its outputs.

    Raises:
        ValueError: for an encoder whose layers can't be reached.
    """
    if isinstance(encoder, Normalized):
        normalized = encoder.standardize(images if seen is None else seen)
        return layer_outputs(encoder.encoder, images, normalized)
    if hasattr(encoder, "layer_outputs"):
        tensors = encoder.layer_outputs(images if seen is None else seen)
        by_name = {f"block_{index + 1}": tensor for index, tensor in enumerate(tensors)}
        return LayerOutputs(tensors[-1], by_name, list(by_name), {})
    if not getattr(encoder, "inputs", None):  # neither functional nor sequential
        raise ValueError(
            "The layers of this encoder can't be reached from outside: give it a method "
            "`layer_outputs(images)` that returns the features after each block, or make it a "
            f"functional `keras.Model`. Received: {type(encoder).__name__} '{encoder.name}'"
        )
    sequential = isinstance(encoder, keras.Sequential)
    own = encoder.outputs[0] if sequential else encoder.output
    # keras-hub knows tensors, keras-cv names of layers.
    wanted = (own, getattr(encoder, "pyramid_outputs", {}))
    calls, (output, levels) = trace(encoder, wanted, images, seen)
    by_name = {call.operation.name: call.outputs[0] for call in calls}
    for level, layer in getattr(encoder, "pyramid_level_inputs", {}).items():
        levels[level] = by_name[layer]
    if isinstance(output, dict):
        levels = {**levels, **output}
    blocks = [call.operation.name for call in block_ends(calls) if _is_features(call)]
    return LayerOutputs(output, by_name, blocks, levels)


def _is_features(call):
    return len(call.outputs[0].shape) in (2, 3, 4) and call.outputs[0].shape[-1] is not None
