_CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def class_names(name: str) -> tuple[str, ...]:
    """Names of the classes of a dataset of `load`, in the order of their labels."""
    return {"cifar10": _CIFAR10, "sample": _CIFAR10}[name]
