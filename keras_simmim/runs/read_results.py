import json
from pathlib import Path

from keras_simmim.runs.run_error import RunError


def read_results(run: Path, name: str = "results.json", needed: tuple[str, ...] = ()) -> dict:
    """What a run has ended with; empty for one that has not ended.

    Args:
        run: the run folder.
        name: the file that holds it.
        needed: names of results that must be there.

    Raises:
        RunError: for a file that is damaged, or lacks what is needed.
    """
    path = run / name
    if not path.is_file():
        return {}
    try:
        results = json.loads(path.read_text())
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error
    missing = [key for key in needed if not isinstance(results, dict) or key not in results]
    if missing or not isinstance(results, dict):
        raise RunError(f"{path} is not that of a run: it lacks {', '.join(missing) or 'all'}.")
    return results
