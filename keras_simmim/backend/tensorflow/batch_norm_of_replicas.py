import tensorflow as tf

from keras_simmim.backend.tensorflow.replicas import gather


def batch_norm_of_replicas(x, gamma, beta, epsilon: float):
    """As `batch_norm`, by the statistics of the whole batch, of which x is this replica's part."""
    wide = tf.cast(x, gamma.dtype)
    axes = tuple(range(x.shape.rank - 1))
    # In one message; the parts are of one size.
    part = tf.stack([tf.reduce_mean(wide, axes), tf.math.reduce_variance(wide, axes)])
    means, variances = tf.unstack(gather(part[tf.newaxis]), axis=1)  # (replicas, C) each
    mean = tf.reduce_mean(means, axis=0)
    variance = tf.reduce_mean(variances + tf.square(means - mean), axis=0)
    y = (wide - mean) * (tf.math.rsqrt(variance + epsilon) * gamma) + beta
    return tf.cast(y, x.dtype), tf.stop_gradient(mean), tf.stop_gradient(variance)
