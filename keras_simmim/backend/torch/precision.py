import torch

from keras_simmim.backend.cpu import cpu_has_bfloat16


def preferred_precision() -> str:
    """The faster dtype policy on this machine: `"mixed_bfloat16"` or `"float32"`."""
    if torch.cuda.is_available():
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = cpu_has_bfloat16()
    return "mixed_bfloat16" if fast else "float32"
