import tensorflow as tf

from keras_simmim.backend.cpu import cpu_precision


def preferred_precision() -> tuple[str, str]:
    """The faster dtype policy on this machine, `"mixed_bfloat16"` or `"float32"`, and why."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return cpu_precision()
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    # Tensor cores multiply bfloat16 from compute capability 8.0 (Ampere) on.
    if all(d.get("compute_capability", (0, 0)) >= (8, 0) for d in details):
        return "mixed_bfloat16", "the GPU multiplies bfloat16"
    return "float32", "the GPU does not multiply bfloat16"


def check_precision(policy: str) -> None:
    """Raises a ValueError for a dtype policy that can't be trained in here."""
