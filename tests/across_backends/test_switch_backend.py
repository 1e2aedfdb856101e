import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "switch_backend.py"


def test_the_example_trains_under_one_and_loads_under_another():
    command = [sys.executable, str(EXAMPLE), "--train-with", "jax", "--load-with", "torch"]
    done = subprocess.run([*command, "--steps", "2"], check=True, capture_output=True, text=True)
    assert "Loaded under torch" in done.stdout
