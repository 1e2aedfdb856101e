import os
import platform
from pathlib import Path


def describe_machine(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The processor and how many of its cores this process may use, for people.

    Args:
        cpuinfo: the kernel's description of the processor, where there is one.
    """
    name = platform.processor() or platform.machine()
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
                break
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count()
    return f"{cores} {'core' if cores == 1 else 'cores'} of {name}"
