import pytest

from keras_simmim.backend.choose_devices import choose_devices

THERE = ["gpu:0", "gpu:1", "gpu:2"]


def test_choices():
    assert choose_devices("auto", THERE) == THERE
    assert choose_devices(2, THERE) == ["gpu:0", "gpu:1"]
    assert choose_devices(("gpu:2", "gpu:0"), THERE) == ["gpu:2", "gpu:0"]


@pytest.mark.parametrize("devices", [0, -1, True, "gpu:0", [], ["gpu:3"], None, 1.5])
def test_no_choice(devices):
    with pytest.raises(ValueError, match="'auto'.*gpu:0, gpu:1, gpu:2.*Received"):
        choose_devices(devices, THERE)


def test_more_than_there_are():
    with pytest.raises(ValueError, match="fewer devices.*devices=4.*gpu:2"):
        choose_devices(4, THERE)
