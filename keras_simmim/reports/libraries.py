import importlib


def import_extra(*names: str) -> list:
    """Imports libraries of the extra `report`, in this order.

    Raises:
        ImportError: for one that is missing; the message names the extra.
    """
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        raise ImportError(
            f"Reports and pictures need {error.name}: pip install 'keras-simmim[report]'"
        ) from error
