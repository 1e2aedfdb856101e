from keras_simmim._numbers import check_number


def check_learning_rate(learning_rate):
    """Returns a learning rate as Keras's optimizers take it: a number as a Python float.

    Args:
        learning_rate: number, `keras.optimizers.schedules.LearningRateSchedule`, or a callable that
            gives one; what is no number is returned as it is, for Keras to judge.

    Raises:
        ValueError: for a number that is not finite or below 0, which would climb the loss, and for
            text or a boolean.
    """
    if callable(learning_rate) or isinstance(learning_rate, dict):  # a dict: a saved schedule
        return learning_rate
    return float(check_number("learning_rate", learning_rate, least=0))
