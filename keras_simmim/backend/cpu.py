from pathlib import Path


def cpu_has_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor multiplies bfloat16 matrices in hardware (AVX512-BF16, AMX, Arm BF16).

    Args:
        cpuinfo: the kernel's description of the processor; where there is none, the answer is no.
    """
    if not cpuinfo.is_file():
        return False
    flags: set[str] = set()
    for line in cpuinfo.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags.update(value.split())
    return bool(flags & {"avx512_bf16", "amx_bf16", "bf16"})


def cpu_precision() -> tuple[str, str]:
    """The faster dtype policy of frameworks that use oneDNN on a CPU, and why."""
    if cpu_has_bfloat16():
        return "mixed_bfloat16", "the processor multiplies bfloat16"
    return "float32", "the processor does not multiply bfloat16"
