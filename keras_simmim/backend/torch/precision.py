import torch

from keras_simmim.backend.cpu import cpu_precision


def preferred_precision() -> tuple[str, str]:
    """The faster dtype policy on this machine, `"mixed_bfloat16"` or `"float32"`, and why."""
    if not torch.cuda.is_available():
        return cpu_precision()
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "mixed_bfloat16", "the GPU multiplies bfloat16"
    return "float32", "the GPU does not multiply bfloat16"


def check_precision(policy: str) -> None:
    """Raises a ValueError for a dtype policy that can't be trained in here."""
