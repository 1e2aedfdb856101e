import keras


def mark_built(layer: keras.layers.Layer) -> None:
    """Marks a layer that has nothing to build as built, for no shape in particular.

    `summary` computes the shape of a layer's output from the shape that Keras noted when the layer
    was built, and fails where that is None, or where `compute_output_shape` names its argument
    otherwise than `build`. Files hold such notes. Without one, `summary` shows "?".
    """
    layer.built = True
    layer._build_shapes_dict = None
