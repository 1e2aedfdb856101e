import keras
from keras import ops

from keras_simmim._numbers import check_number
from keras_simmim.optimizers.check_learning_rate import check_learning_rate

# Of the quintic iteration a x + b x^3 + c x^5, steep at 0: after five times singular values from
# 0.005 to 1 lie between 0.67 and 1.21, which serves as well as 1.
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


@keras.saving.register_keras_serializable(package="keras_simmim")
class Muon(keras.optimizers.Optimizer):
    """Momentum made orthogonal for kernels, convolutions among them, and Adam for all the rest.

    Keras's own `Muon` leaves the kernels of convolutions to Adam, so of a ResNet it reaches
    nothing. Here a kernel is a variable called "kernel" with two dimensions, or with four, of which
    the first three are joined: a row for each input of a filter, a column for each filter. For a
    kernel `w` of r rows and c columns with gradient `g`, learning rate `l` and momentum `v`, which
    starts at 0:

        v = momentum * v + g
        u = sqrt(max(r, c)) * orthogonal(momentum * v + g)
        w = w - l * u

    where `orthogonal(U S V^T)` is about `U V^T`, by five Newton-Schulz iterations. The factor gives
    the step a root mean square of about `l`, as Adam's has, so both parts share a learning rate
    that suits Adam.

    Args:
        learning_rate: float of at least 0, `keras.optimizers.schedules.LearningRateSchedule`, or a
            callable that gives one.
        momentum: float, 0...1, of the kernels.
        beta_1: float, 0...1, of Adam's first moment.
        beta_2: float, 0...1, of Adam's second moment.
        epsilon: float above 0, added to the root of Adam's second moment.
        newton_schulz_dtype: dtype of the iterations, as a string; None: bfloat16 where the global
            dtype policy computes in it, else float32.
        weight_decay: float, at least 0, or None, times the learning rate, as in AdamW.
        **kwargs: of `keras.optimizers.Optimizer`, such as `gradient_accumulation_steps`.

    Raises:
        ValueError: for a number out of its range.

    Reference:
        Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"
        (https://kellerjordan.github.io/posts/muon/); the factor: Liu et al. 2025, "Muon is Scalable
        for LLM Training" (arXiv 2502.16982), section 2.2, where it is times 0.2 for a learning rate
        5 times as large.
    """

    def __init__(
        self,
        learning_rate=4e-3,
        momentum=0.95,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        newton_schulz_dtype=None,
        weight_decay=None,
        **kwargs,
    ):
        super().__init__(
            learning_rate=check_learning_rate(learning_rate),
            weight_decay=check_number("weight_decay", weight_decay, least=0, optional=True),
            **kwargs,
        )
        self.momentum = check_number("momentum", momentum, least=0, below=1)
        self.beta_1 = check_number("beta_1", beta_1, least=0, below=1)
        self.beta_2 = check_number("beta_2", beta_2, least=0, below=1)
        self.epsilon = check_number("epsilon", epsilon, above=0)
        if newton_schulz_dtype is None:
            computes = keras.config.dtype_policy().compute_dtype
            newton_schulz_dtype = "bfloat16" if computes == "bfloat16" else "float32"
        self.newton_schulz_dtype = newton_schulz_dtype

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        # Kernels have none.
        self.velocities = [
            None if _is_kernel(variable) else self.add_variable_from_reference(variable, "velocity")
            for variable in variables
        ]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        gradient = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        if self.velocities[index] is None:
            step = self._muon_step(gradient, self.momentums[index])
        else:
            step = self._adam_step(gradient, self.momentums[index], self.velocities[index])
        self.assign_sub(variable, rate * step)

    def _muon_step(self, gradient, momentum):
        velocity = momentum * self.momentum + gradient
        self.assign(momentum, velocity)
        ahead = velocity * self.momentum + gradient  # Nesterov
        matrix = ops.reshape(ahead, (-1, ahead.shape[-1]))
        rows, columns = matrix.shape
        step = orthogonalize(matrix, self.newton_schulz_dtype) * max(rows, columns) ** 0.5
        return ops.reshape(step, ahead.shape)

    def _adam_step(self, gradient, mean, square):
        new_mean = self.beta_1 * mean + (1 - self.beta_1) * gradient
        new_square = self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        self.assign(mean, new_mean)
        self.assign(square, new_square)
        count = ops.cast(self.iterations + 1, gradient.dtype)
        mean_share = 1 - ops.power(ops.cast(self.beta_1, gradient.dtype), count)
        square_share = 1 - ops.power(ops.cast(self.beta_2, gradient.dtype), count)
        return new_mean / mean_share / (ops.sqrt(new_square / square_share) + self.epsilon)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "newton_schulz_dtype": self.newton_schulz_dtype,
        }


def orthogonalize(matrix, dtype="float32"):
    """About `U V^T` of a matrix `U S V^T`, `(r, c)`, in its own dtype; iterates in `dtype`."""
    a, b, c = _COEFFICIENTS
    # The smaller side first, as its square is what is multiplied.
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    # No singular value is above 1 then.
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    x = ops.cast(x, dtype)
    for _ in range(5):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    x = ops.cast(x, matrix.dtype)
    return ops.transpose(x) if tall else x


def _is_kernel(variable):
    return variable.name == "kernel" and len(variable.shape) in (2, 4)
