def check_sizes(**sizes):
    """Checks that every argument is a positive integer; its name is the one that errors give.

    Raises:
        ValueError: for anything else.
    """
    for name, value in sizes.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value}")
