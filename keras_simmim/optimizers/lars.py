import keras
import numpy as np
from keras import ops

from keras_simmim._numbers import check_number
from keras_simmim.optimizers.check_learning_rate import check_learning_rate


@keras.saving.register_keras_serializable(package="keras_simmim")
class LARS(keras.optimizers.Optimizer):
    """Layer-wise adaptive rate scaling: SGD with momentum whose steps fit each variable's length.

    For a variable `w` with gradient `g`, learning rate `r` and momentum `v`, which starts at 0:

        u = g + weight_decay * w
        ratio = trust_coefficient * |w| / |u|          (1 where |w| or |u| is 0)
        v = momentum * v + r * ratio * u
        w = w - v

    The ratio is that of SimCLR's and BYOL's published code, whose denominator is the length of the
    decayed gradient; the paper's is `|g| + weight_decay * |w|`.

    A variable that is excluded by `exclude_from_weight_decay` gets neither weight decay nor
    layer-wise adaptation, so plain SGD with momentum. SimCLR and BYOL exclude biases and the scales
    and offsets of batch norm, and so should most users: a scale or bias is small, and the ratio
    would hardly let it move. The exclusions are saved with the optimizer's state.

    Args:
        learning_rate: float of at least 0, `keras.optimizers.schedules.LearningRateSchedule`, or a
            callable that gives one.
        momentum: float, 0...1.
        weight_decay: float, at least 0.
        trust_coefficient: float above 0: length of a step, of learning rate 1 and without momentum,
            as a part of the variable's length.
        nesterov: whether to apply Nesterov momentum: the step is `momentum * v + r * ratio * u`.
        **kwargs: of `keras.optimizers.Optimizer`, such as `gradient_accumulation_steps`.

    Raises:
        ValueError: for a number out of its range.

    Reference:
        You et al. 2017, "Large Batch Training of Convolutional Networks" (arXiv 1708.03888),
        section 4, algorithm 1; Chen et al. 2020 (arXiv 2002.05709), appendix B; Grill et al. 2020
        (arXiv 2006.07733), section 3.3.

    Example:

    ```python
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, decay_steps=90 * steps, warmup_target=0.3 * batch_size / 256, warmup_steps=10 * steps
    )
    optimizer = keras_simmim.optimizers.LARS(schedule, weight_decay=1e-6)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    ```
    """

    def __init__(
        self,
        learning_rate,
        momentum=0.9,
        weight_decay=0.0,
        trust_coefficient=1e-3,
        nesterov=False,
        **kwargs,
    ):
        super().__init__(
            learning_rate=check_learning_rate(learning_rate),
            weight_decay=check_number("weight_decay", weight_decay, least=0),
            **kwargs,
        )
        self.momentum = check_number("momentum", momentum, least=0, most=1)
        self.trust_coefficient = check_number("trust_coefficient", trust_coefficient, above=0)
        self.nesterov = nesterov

    def exclude_from_weight_decay(self, var_list=None, var_names=None):
        """Excludes variables from weight decay and from layer-wise adaptation.

        Args:
            var_list: variables to exclude.
            var_names: strings; a variable whose name contains one of them is excluded.

        Raises:
            ValueError: once the optimizer is built, which the first training step does.
        """
        if self.built:
            raise ValueError(
                "This LARS has been built, and some variables may have decayed already: exclude "
                "variables before training. "
                f"Received: var_list={var_list}, var_names={var_names}"
            )
        super().exclude_from_weight_decay(var_list, var_names)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.momentums = self.add_optimizer_variables(variables, "momentum")
        self.excluded = tuple(not self._use_weight_decay(variable) for variable in variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        update = ops.cast(gradient, variable.dtype)
        rate = ops.cast(learning_rate, "float32")
        if not self.excluded[index]:
            update = update + variable * ops.cast(self.weight_decay, variable.dtype)
            rate = rate * self._trust_ratio(variable, update)
        update = update * ops.cast(rate, variable.dtype)
        velocity = self.momentums[index] * self.momentum + update
        self.assign(self.momentums[index], velocity)
        self.assign_sub(variable, velocity * self.momentum + update if self.nesterov else velocity)

    def _trust_ratio(self, variable, update):
        length, update_length = _norm(variable), _norm(update)
        adapts = ops.logical_and(length > 0, update_length > 0)
        # Divides by 1 instead of 0 where the quotient is not used.
        ratio = self.trust_coefficient * length / ops.where(adapts, update_length, 1.0)
        return ops.where(adapts, ratio, 1.0)

    def _apply_weight_decay(self, variables):
        # Keras would shrink the variables; here decay is part of the gradient.
        pass

    def save_own_variables(self, store):
        super().save_own_variables(store)
        if self.built:
            # Keras's configuration of an optimizer has no place for them.
            store["excluded"] = np.array(self.excluded, "uint8")

    def load_own_variables(self, store):
        state = {key: store[key] for key in store.keys()}
        excluded = state.pop("excluded", None)
        super().load_own_variables(state)
        if self.built and excluded is not None and len(excluded) == len(self.excluded):
            self.excluded = tuple(bool(each) for each in excluded)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "trust_coefficient": self.trust_coefficient,
            "nesterov": self.nesterov,
        }


def _norm(x):
    return ops.sqrt(ops.sum(ops.square(ops.cast(x, "float32"))))
