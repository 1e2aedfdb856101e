from collections.abc import Callable


def take_reduced_gradients(optimizer, is_update: Callable[[], bool]) -> None:
    """Prepares an optimizer for gradients that are the same on all replicas.

    Keras adds the replicas' gradients up after they are clipped, and decides within the step
    whether accumulated ones are due: in a condition, where replicas can't meet.

    Args:
        optimizer: Keras optimizer; its `apply` is changed.
        is_update: while a step is traced, whether accumulated gradients are due in it.

    Raises:
        ValueError: for an optimizer that both accumulates and averages weights.
    """

    def apply(gradients, variables):
        accumulators = [
            optimizer._accumulated_gradients[optimizer._get_variable_index(variable)]
            for variable in variables
        ]
        sums = [a + gradient for a, gradient in zip(accumulators, gradients, strict=True)]
        if not is_update():
            for accumulator, total in zip(accumulators, sums, strict=True):
                accumulator.assign(total)
            return
        means = [total / optimizer.gradient_accumulation_steps for total in sums]
        optimizer._apply_weight_decay(variables)
        optimizer._backend_update_step(
            optimizer._clip_gradients(means), variables, optimizer.learning_rate
        )
        optimizer._backend_reset_gradient_accumulators()

    # Past `setattr`, which would track them as parts of the optimizer.
    methods = vars(optimizer)
    methods["_all_reduce_sum_gradients"] = list
    if optimizer.gradient_accumulation_steps:
        if optimizer.use_ema:
            raise ValueError(
                "TensorFlow on several devices can't both accumulate gradients and keep a moving "
                "average of the weights: leave out `gradient_accumulation_steps` or `use_ema`."
            )
        methods["_backend_apply_gradients"] = apply
