import keras
from keras import layers

from keras_simmim._numbers import check_integer
from keras_simmim.encoders.batch_norm import BatchNorm
from keras_simmim.encoders.conv2d import Conv2D
from keras_simmim.encoders.image_shape import standardize_image_shape
from keras_simmim.encoders.refuse_quantization import refuse_quantization
from keras_simmim.encoders.standardize import Standardize

STAGES = {10: (1, 1, 1, 1), 18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
STEMS = ("auto", "3x3", "3x3/2", "7x7/4")


@keras.saving.register_keras_serializable(package="keras_simmim")
class ResNet(keras.Model):
    """ResNet of basic blocks, from raw images to a feature map.

    Each of four stages halves the height and width of the map, except the first, and doubles its
    channels. Batch norm and ReLU follow each convolution; where a block changes the shape, its
    shortcut is a 1x1 convolution with batch norm.

    Args:
        depth: 10, 18 or 34.
        width: channels of the first stage; the last has 8 times as many.
        image_shape: `(height, width, channels)` of the images; height and width may be None, and
            then vary from batch to batch.
        stem: the layers before the first stage. `"3x3"`: a 3x3 convolution, for images of 32 pixels
            (CIFAR). `"3x3/2"`: the same with stride 2, about 4 times faster and somewhat less
            accurate. `"7x7/4"`: a 7x7 convolution with stride 2 and a 3x3 max-pooling with stride 2
            (ImageNet). `"auto"`: `"3x3"` where height or width is below 64 pixels, else
            `"7x7/4"`, which is also taken for unknown sizes.
        mean: what to subtract from pixel values, 0...255: a number, or one per channel.
        std: what to divide pixel values by: a number, or one per channel.
        zero_init_residual: whether each block starts as the identity, by a gamma of 0 in its last
            batch norm.
        dtype: dtype or dtype policy of the layers; None: Keras's global policy.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, 0...255.
        training: whether batch norm uses the statistics of this batch.

    Returns:
        `(B, h, w, 8 * width)` in the compute dtype; h and w are the image's divided by 8, 16 or 32
        for the stems `"3x3"`, `"3x3/2"` and `"7x7/4"`, rounded up.

    Raises:
        ValueError: for a depth or stem that does not exist, a width that is not a positive integer,
            or an image shape that is not `(height, width, channels)`.

    Reference:
        He et al. 2016, "Deep Residual Learning for Image Recognition" (arXiv 1512.03385), table 1;
        the 3x3 stem as in Chen et al. 2020, "SimCLR" (arXiv 2002.05709), appendix B.9.
    """

    def __init__(
        self,
        depth=18,
        width=64,
        image_shape=(32, 32, 3),
        stem="auto",
        mean=127.5,
        std=64.0,
        zero_init_residual=False,
        dtype=None,
        **kwargs,
    ):
        depth = check_integer("depth", depth)
        if depth not in STAGES:
            raise ValueError(f"`depth` must be one of {list(STAGES)}. Received: depth={depth}")
        width = check_integer("width", width)
        if stem not in STEMS:
            raise ValueError(f"`stem` must be one of {list(STEMS)}. Received: stem={stem!r}")
        image_shape = standardize_image_shape(image_shape)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())

        # float32 holds uint8 exactly; the model casts whatever it is given to it.
        images = keras.Input(image_shape, dtype="float32", name="images")
        x = Standardize(mean, std, dtype=policy, name="standardize")(images)  # (B, H, W, C)
        x = _stem(x, width, _resolve_stem(stem, image_shape), policy)  # (B, h, w, width)
        for stage, num_blocks in enumerate(STAGES[depth]):
            for block in range(num_blocks):
                x = _basic_block(
                    x,
                    filters=width * 2**stage,
                    stride=2 if stage > 0 and block == 0 else 1,
                    zero_init_residual=zero_init_residual,
                    dtype=policy,
                    name=f"stage_{stage + 1}_block_{block + 1}",
                )
        super().__init__(inputs=images, outputs=x, **kwargs)
        self.dtype_policy = policy
        self.depth = depth
        self.width = width
        self.image_shape = image_shape
        self.stem = stem
        self.mean = self.get_layer("standardize").mean
        self.std = self.get_layer("standardize").std
        self.zero_init_residual = zero_init_residual

    def stage_end(self, stage: int) -> str:
        """Name of the last layer of a stage, 1...4; the last stage's is the encoder's output.

        Raises:
            ValueError: for a stage that there is not.
        """
        blocks = STAGES[self.depth]
        stage = check_integer("stage", stage, most=len(blocks))
        return f"stage_{stage}_block_{blocks[stage - 1]}_relu_2"

    def quantize(self, mode="int8", **kwargs):
        refuse_quantization(self, mode)

    def get_config(self):
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "depth": self.depth,
            "width": self.width,
            "image_shape": self.image_shape,
            "stem": self.stem,
            "mean": self.mean,
            "std": self.std,
            "zero_init_residual": self.zero_init_residual,
        }


def _resolve_stem(stem, image_shape):
    if stem != "auto":
        return stem
    small = any(size is not None and size < 64 for size in image_shape[:2])
    return "3x3" if small else "7x7/4"


def _stem(x, width, stem, dtype):
    kernel_size, stride = {"3x3": (3, 1), "3x3/2": (3, 2), "7x7/4": (7, 2)}[stem]
    x = _conv(x, width, kernel_size, stride, dtype, name="stem_conv")
    x = _norm(x, dtype, name="stem_norm")
    x = layers.Activation("relu", dtype=dtype, name="stem_relu")(x)
    if stem == "7x7/4":
        x = layers.MaxPooling2D(3, 2, padding="same", dtype=dtype, name="stem_pool")(x)
    return x


def _basic_block(x, filters, stride, zero_init_residual, dtype, name):
    shortcut = x
    if stride != 1 or x.shape[-1] != filters:
        shortcut = _conv(x, filters, 1, stride, dtype, name=f"{name}_shortcut_conv")
        shortcut = _norm(shortcut, dtype, name=f"{name}_shortcut_norm")
    x = _conv(x, filters, 3, stride, dtype, name=f"{name}_conv_1")
    x = _norm(x, dtype, name=f"{name}_norm_1")
    x = layers.Activation("relu", dtype=dtype, name=f"{name}_relu_1")(x)
    x = _conv(x, filters, 3, 1, dtype, name=f"{name}_conv_2")
    gamma = "zeros" if zero_init_residual else "ones"
    x = _norm(x, dtype, name=f"{name}_norm_2", gamma_initializer=gamma)
    x = layers.Add(dtype=dtype, name=f"{name}_add")([x, shortcut])
    return layers.Activation("relu", dtype=dtype, name=f"{name}_relu_2")(x)


def _conv(x, filters, kernel_size, stride, dtype, name):
    return Conv2D(
        filters,
        kernel_size,
        strides=stride,
        kernel_initializer="he_normal",
        dtype=dtype,
        name=name,
    )(x)


def _norm(x, dtype, name, gamma_initializer="ones"):
    return BatchNorm(gamma_initializer=gamma_initializer, dtype=dtype, name=name)(x)
