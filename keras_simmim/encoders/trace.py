from typing import Any, NamedTuple

import keras


class Call(NamedTuple):
    """A call of a layer or operation of a functional model."""

    operation: Any
    inputs: list
    outputs: list


def trace(
    model: keras.Model,
    outputs: Any,
    images: keras.KerasTensor,
    seen: keras.KerasTensor | None = None,
) -> tuple[list[Call], Any]:
    """Calls the layers of a functional model on images, one after the other.

    Args:
        model: functional or sequential model of one input.
        outputs: tensors of the model's graph, in any nest.
        images: `keras.Input` to call it on.
        seen: what the model gets in their place, made of them; None: the images themselves.

    Returns:
        A `Call` of each layer and operation, in an order in which inputs come before outputs; and
        the same nest of the tensors that images give.
    """
    calls = []

    def call(operation, *args, **kwargs):
        if seen is not None:
            args, kwargs = keras.tree.map_structure(
                lambda x: seen if x is images else x, (args, kwargs)
            )
        results = operation(*args, **kwargs)
        calls.append(Call(operation, _tensors((args, kwargs)), _tensors(results)))
        return results

    # As a plain functional model it is one to Keras, whatever class it is of.
    plain = keras.Model(model.inputs[0], outputs)
    traced = keras.models.clone_model(
        plain, input_tensors=images, clone_function=lambda layer: layer, call_function=call
    )
    return calls, traced.output


def _tensors(nest):
    return [x for x in keras.tree.flatten(nest) if isinstance(x, keras.KerasTensor)]
