import keras
from keras import ops

from keras_simmim import backend


@keras.saving.register_keras_serializable(package="keras_simmim")
class Conv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` without bias and with padding `"same"`, fast on small maps as well.

    Weights, configuration and results are those of the Keras layer.

    Args:
        filters: channels of the result.
        kernel_size: side of the kernel in pixels.
        **kwargs: further arguments of `keras.layers.Conv2D`; `padding` is "same", `use_bias` False
            and `data_format` "channels_last".

    Call arguments:
        inputs: float tensor `(B, H, W, C)`.

    Returns:
        `(B, ceil(H / stride), ceil(W / stride), filters)` in the compute dtype.

    Raises:
        ValueError: for another padding or data format, or a bias.
    """

    def __init__(self, filters, kernel_size, **kwargs):
        fixed = {"padding": "same", "use_bias": False, "data_format": "channels_last"}
        other = {
            name: kwargs[name] for name in fixed if kwargs.get(name) not in (None, fixed[name])
        }
        if other:
            raise ValueError(
                "Conv2D has padding 'same', no bias and channels last: use `keras.layers.Conv2D` "
                f"for anything else. Received: {other}"
            )
        super().__init__(filters, kernel_size, **{**kwargs, **fixed})

    def convolution_op(self, inputs, kernel):
        if self.groups != 1 or self.dilation_rate != (1, 1):
            return super().convolution_op(inputs, kernel)
        kernel, strides = ops.convert_to_tensor(kernel), self.strides
        # A single row or column meets one row or column of the kernel. Of a 3x3 kernel with stride
        # 2 on a single column, oneDNN's gradient in bfloat16 is what its memory held before (torch
        # 2.13.0, TensorFlow 2.21.0).
        if inputs.shape[1] == 1:
            middle = (kernel.shape[0] - 1) // 2
            kernel, strides = kernel[middle : middle + 1], (1, strides[1])
        if inputs.shape[2] == 1:
            middle = (kernel.shape[1] - 1) // 2
            kernel, strides = kernel[:, middle : middle + 1], (strides[0], 1)
        if tuple(kernel.shape[:2]) == (1, 1) and inputs.shape[-1] < 16:
            # Only the pixels that it sees: oneDNN's gradient of a strided 1x1 kernel on so few
            # channels writes past its buffer (oneDNN#6035; torch 2.13.0, TensorFlow 2.21.0).
            inputs = inputs[:, :: strides[0], :: strides[1]]
            strides = (1, 1)
        return backend.conv2d(inputs, kernel, strides)
