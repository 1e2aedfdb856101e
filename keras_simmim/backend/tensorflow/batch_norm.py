import tensorflow as tf


def batch_norm(x, gamma, beta, epsilon: float):
    """Normalises channels by the statistics of the batch, in one kernel.

    Args:
        x: `(..., C)`.
        gamma: `(C,)` float32, scale; float64 where x is.
        beta: `(C,)` likewise, offset.
        epsilon: what is added to the variance.

    Returns:
        The result in the dtype of x, and mean and (biased) variance `(C,)` in that of gamma.
    """
    if x.dtype == tf.float64:  # which the kernel does not take
        mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon), mean, variance
    shape = tf.shape(x)
    channels = x.shape[-1]
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=tf.reshape(x, (-1, 1, 1, channels)) if x.shape.rank != 4 else x,
        scale=gamma,
        offset=beta,
        mean=[],
        variance=[],
        epsilon=epsilon,
        data_format="NHWC",
        is_training=True,
    )
    # Takes back Bessel's correction, which the kernel makes.
    count = tf.cast(tf.reduce_prod(shape[:-1]), "float32")
    variance = variance * (tf.maximum(count - 1.0, 1.0) / count)
    return tf.ensure_shape(tf.reshape(y, shape), x.shape), mean, variance
