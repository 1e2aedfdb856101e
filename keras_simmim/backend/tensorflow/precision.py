import tensorflow as tf

from keras_simmim.backend.cpu import cpu_has_bfloat16


def preferred_precision() -> str:
    """The faster dtype policy on this machine: `"mixed_bfloat16"` or `"float32"`."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        # Tensor cores multiply bfloat16 from compute capability 8.0 (Ampere) on.
        fast = all(d.get("compute_capability", (0, 0)) >= (8, 0) for d in details)
    else:
        fast = cpu_has_bfloat16()
    return "mixed_bfloat16" if fast else "float32"
