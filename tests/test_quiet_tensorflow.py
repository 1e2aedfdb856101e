import os
import sys

import pytest

from keras_simmim._quiet_tensorflow import quiet_stderr, quiet_tensorflow

NOISE = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795883465.033036    4807 port.cc:153] oneDNN custom operations are on.
2024-05-01 09:30:00.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.
E0000 00:00:1795883465.1    4807 cuda_dnn.cc:8310] Unable to register cuDNN factory: Attempting
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
"""
WARNING = "W0000 00:00:1795883465.1    4807 gpu_device.cc:2344] Cannot dlopen some GPU libraries.\n"
ERROR = "E0000 00:00:1795883465.1    4807 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n"
OTHERS = "/x.py:3: UserWarning: I am of Python\nFatal: abort\n"


@pytest.mark.parametrize(
    "level,told", [("1", WARNING + ERROR), ("2", ERROR), ("3", ""), ("0", NOISE + WARNING + ERROR)]
)
def test_what_someone_can_act_on_is_let_through(capfd, monkeypatch, level, told):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    with pytest.raises(ZeroDivisionError), quiet_stderr():
        os.write(2, (NOISE + WARNING + ERROR + OTHERS).encode())
        raise ZeroDivisionError
    assert capfd.readouterr().err == told + OTHERS


def test_a_level_that_somebody_chose_is_kept(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.setattr("sys.meta_path", list(sys.meta_path))
    quiet_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "2"


def test_without_a_standard_error(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    with quiet_stderr():
        done = True
    assert done
