import keras
from keras import layers, ops

from keras_simmim.encoders import ResNet
from keras_simmim.encoders.block_ends import block_ends
from keras_simmim.encoders.trace import trace


def ends(model):
    calls, _ = trace(model, model.outputs[0], keras.Input(model.input_shape[1:]))
    return [call.operation.name for call in block_ends(calls)]


def test_resnet():
    assert ends(ResNet(depth=10, width=2)) == [
        "stem_relu",
        *(f"stage_{stage}_block_1_relu_2" for stage in (1, 2, 3, 4)),
    ]
    assert len(ends(ResNet(depth=18, width=2, image_shape=(64, 64, 3)))) == 9
    assert ends(ResNet(depth=10, width=2, image_shape=(64, 64, 3)))[0] == "stem_pool"


def test_plain_stack():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255, name="scale"),
            layers.Conv2D(4, 3, name="conv_1"),
            layers.BatchNormalization(name="norm_1"),
            layers.ReLU(name="relu_1"),
            layers.MaxPooling2D(name="pool_1"),
            layers.Conv2D(4, 3, name="conv_2"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(5, name="dense"),
        ]
    )
    assert ends(model) == ["pool_1", "mean", "dense"]


def test_blocks_of_operations_that_are_no_layers():
    """Dense connections, an input that goes to two layers, and one used twice by a layer."""
    inputs = keras.Input((8, 8, 3))
    left = layers.Conv2D(4, 3, padding="same", name="left")(inputs)
    right = layers.Conv2D(4, 1, name="right")(inputs)
    x = layers.Add(name="joined")([left, right])
    dense = layers.Conv2D(4, 3, padding="same", name="new")(ops.relu(x))
    x = layers.Concatenate(name="grown")([x, dense])
    x = layers.Multiply(name="square")([x, x])
    x = layers.Conv2D(4, 3, name="last")(x)
    assert ends(keras.Model(inputs, x)) == ["joined", "square", "last"]


def test_a_model_in_a_model_is_a_block():
    inner = ResNet(depth=10, width=2, name="inner")
    model = keras.Sequential([keras.Input((32, 32, 3)), inner, layers.Dense(3, name="top")])
    assert ends(model) == ["inner", "top"]


def test_the_model_stays_as_it_was():
    model = ResNet(depth=10, width=2)
    config, output = model.get_config(), model.output
    trace(model, output, keras.Input((32, 32, 3)))
    assert model.get_config() == config and model.output is output
    assert keras.Model(model.input, model.get_layer("stem_relu").output).output_shape[-1] == 2
