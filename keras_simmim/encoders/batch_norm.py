import keras
from keras import ops

from keras_simmim import backend
from keras_simmim.encoders.statistics_dtype import statistics_dtype


@keras.saving.register_keras_serializable(package="keras_simmim")
class BatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` over the last axis, by the framework's own kernel.

    Weights, configuration and results are those of the Keras layer, which composes the training
    step of elementwise operations; these took a third of a ResNet's step on a CPU.

    Args:
        momentum: share of the moving statistics that stays at each step.
        epsilon: what is added to the variance.
        **kwargs: further arguments of `keras.layers.BatchNormalization`; `axis` is -1, and there is
            no `renorm`.

    Call arguments:
        inputs: float tensor `(..., C)`.
        training: whether the statistics are those of the batch; they then move the moving ones.

    Returns:
        Tensor of the same shape and dtype.

    Raises:
        ValueError: for another axis, or batch renormalisation.

    Reference:
        Ioffe and Szegedy 2015, "Batch Normalization" (arXiv 1502.03167), algorithm 1.
    """

    def __init__(self, momentum=0.9, epsilon=1e-5, **kwargs):
        super().__init__(momentum=momentum, epsilon=epsilon, **kwargs)
        renorm = kwargs.get("renorm", False)
        if self.axis != -1 or renorm:
            raise ValueError(
                "BatchNorm normalises over the last axis by the statistics of the batch: use "
                "`keras.layers.BatchNormalization` for another axis or `renorm`. "
                f"Received: axis={self.axis}, renorm={renorm}"
            )

    def call(self, inputs, training=None, mask=None):
        # Frozen, it uses the moving statistics, as Keras's does.
        if not (training and self.trainable) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        batch_norm = backend.batch_norm
        if backend.replica_count() > 1:
            batch_norm = backend.batch_norm_of_replicas
        channels = inputs.shape[-1:]
        dtype = statistics_dtype(inputs)
        gamma = ops.cast(self.gamma, dtype) if self.scale else ops.ones(channels, dtype)
        beta = ops.cast(self.beta, dtype) if self.center else ops.zeros(channels, dtype)
        outputs, mean, variance = batch_norm(inputs, gamma, beta, self.epsilon)
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            old = ops.cast(moving, dtype)
            new = old * self.momentum + batch * (1.0 - self.momentum)
            moving.assign(ops.cast(new, moving.dtype))
        return outputs
