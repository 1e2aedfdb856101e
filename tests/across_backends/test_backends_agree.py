"""The same weights and views give the same training, and saved files load, on every backend."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from each_backend import BACKENDS, train_and_load

WORKER = Path(__file__).parent / "worker.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where each backend has trained and saved, and then loaded what the others saved."""
    folder = tmp_path_factory.mktemp("agree")
    train_and_load(WORKER, folder)
    return folder


PAIRS = list(itertools.combinations(BACKENDS, 2))
METHODS = ("SimMIM", "SimCLR", "MoCo", "BYOL", "EMPSSL", "MaskedImageModel")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("a,b", PAIRS)
def test_losses_and_weights_after_five_steps(folder, method, a, b):
    a, b = (np.load(folder / f"{method}-{backend}.npz") for backend in (a, b))
    assert len(a["losses"]) == 5 and len(np.unique(a["losses"])) == 5
    np.testing.assert_allclose(a["losses"], b["losses"], atol=1e-4)
    assert set(a.files) == set(b.files)
    for name in a.files:
        np.testing.assert_allclose(a[name], b[name], atol=1e-4, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("saved_by", BACKENDS)
@pytest.mark.parametrize("loaded_by", BACKENDS)
def test_saved_by_one_loads_under_another(folder, method, saved_by, loaded_by):
    original = np.load(folder / f"{method}-{saved_by}.npz")["features"]
    loaded = np.load(folder / f"loaded_by_{loaded_by}.npz")[f"{method}-{saved_by}"]
    assert np.abs(original).max() > 0.1
    np.testing.assert_allclose(loaded, original, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("saved_by", BACKENDS)
def test_training_goes_on_alike_under_another(folder, method, saved_by):
    losses = [
        json.loads((folder / f"loaded_by_{backend}.json").read_text())[f"{method}-{saved_by}"]
        for backend in BACKENDS
    ]
    np.testing.assert_allclose(losses, losses[0], atol=1e-4)
