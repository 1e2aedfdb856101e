import os

import torch


def enable_determinism() -> None:
    """Makes every operation give the same bits for the same input, at some cost in speed."""
    # cuBLAS reads this when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
