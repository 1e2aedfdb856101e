def part_of_batch(count: int, devices: int, part: tuple[int, int]) -> slice:
    """The images of a batch that a process reads.

    The batch is cut to a multiple of the devices; fewer images than devices are left out.

    Args:
        count: images of the batch.
        devices: devices that it is split over, of all processes.
        part: which part of it the process reads, and of how many.
    """
    index, parts = part
    size = count // devices * devices // parts
    return slice(index * size, (index + 1) * size)
