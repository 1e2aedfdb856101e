import tensorflow as tf


def enable_determinism() -> None:
    """Makes every operation give the same bits for the same input, at some cost in speed."""
    tf.config.experimental.enable_op_determinism()
