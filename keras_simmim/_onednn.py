"""Runs before TensorFlow is imported, which is when it chooses its CPU kernels."""

import os
import platform
import sys


def use_onednn() -> None:
    """Makes TensorFlow compute by oneDNN on every x86 processor, where nobody has chosen.

    By itself it does so only on those with instructions for neural networks (AVX512-VNNI and
    later); with AVX2 a ResNet's training step takes less than half as long by it.
    """
    if "tensorflow" not in sys.modules and platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
