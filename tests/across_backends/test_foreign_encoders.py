"""Encoders of other libraries train two steps and load under every backend, the same."""

from pathlib import Path

import numpy as np
import pytest
from each_backend import BACKENDS, train_and_load
from foreign_encoders import ENCODERS

WORKER = Path(__file__).parent / "foreign_worker.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    pytest.importorskip("keras_cv")
    pytest.importorskip("keras_hub")
    folder = tmp_path_factory.mktemp("foreign")
    train_and_load(WORKER, folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("saved_by", BACKENDS)
def test_trained_by_one_loads_under_every_other(folder, name, saved_by):
    original = np.load(folder / f"{name}_{saved_by}.npz")
    assert np.all(np.isfinite(original["loss"]))
    assert np.mean(original["moved"] > 0) > 0.9
    features = original["features"]
    largest = np.abs(features).max()
    assert np.ptp(features, axis=0).max() > 1e-3 * largest
    for loaded_by in BACKENDS:
        loaded = np.load(folder / f"loaded_by_{loaded_by}.npz")
        for file in (f"{name}_{saved_by}", f"{name}_{saved_by}_encoder"):
            np.testing.assert_allclose(loaded[file], features, atol=1e-4 * largest, err_msg=file)
