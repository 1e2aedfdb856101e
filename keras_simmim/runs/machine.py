import platform
from pathlib import Path

from keras_simmim.backend.usable_cores import usable_cores


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
    cores = usable_cores()
    return f"{cores} {'core' if cores == 1 else 'cores'} of {name}"
