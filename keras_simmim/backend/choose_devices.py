def choose_devices(devices, there: list[str]) -> list[str]:
    """Names of the devices that a user asks for.

    Args:
        devices: "auto" for all, how many, or a list of names.
        there: names of those that there are.

    Raises:
        ValueError: for devices that are not there.
    """
    if devices == "auto":
        return there
    if isinstance(devices, int) and not isinstance(devices, bool) and devices >= 1:
        if devices > len(there):
            raise ValueError(
                "There are fewer devices than `devices` asks for. (Several devices of a CPU can be "
                "made as long as nothing has run on it: enter `data_parallel` before anything "
                f"else.) Received: devices={devices}, where there are {', '.join(there)}"
            )
        return there[:devices]
    if isinstance(devices, list | tuple) and devices:
        missing = [name for name in devices if name not in there]
        if not missing:
            return list(devices)
    raise ValueError(
        f"`devices` must be 'auto', a number from 1 on, or names out of {', '.join(there)}. "
        f"Received: devices={devices!r}"
    )
