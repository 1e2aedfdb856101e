import warnings

import numpy as np
import pytest
from PIL import Image
from recorder import record

from keras_simmim.datasets import check_range as module
from keras_simmim.datasets import from_folder


def save_all(folder, pixels, name="png"):
    for index, each in enumerate(pixels):
        image = each if isinstance(each, Image.Image) else Image.fromarray(each)
        image.save(folder / f"{index:03}.{name}")


def noise(low, high, dtype="uint16", count=6, shape=(12, 10)):
    """Images whose values reach both ends."""
    pixels = np.random.default_rng(0).integers(low, high + 1, (count, *shape)).astype(dtype)
    pixels[:, 0, 0], pixels[:, -1, -1] = low, high
    return pixels


@pytest.mark.parametrize("name", ["png", "tif"])
@pytest.mark.parametrize("bits, greatest", [(10, 4), (12, 16), (14, 64)])
def test_bits_in_files_of_more_are_said(tmp_path, bits, greatest, name):
    save_all(tmp_path, noise(0, 2**bits - 1), name)
    message = f"nearly black: .* the 6 that .* use 0...{greatest} alone.*save them with 8 bits"
    with pytest.warns(UserWarning, match=message) as caught:
        from_folder(tmp_path, (12, 10), batch_size=2)
    assert len(caught) == 1 and caught[0].filename == __file__
    assert str(tmp_path) in str(caught[0].message)


def test_so_is_a_sliver_elsewhere(tmp_path):
    save_all(tmp_path, noise(32768, 32768 + 4095))
    with pytest.warns(UserWarning, match="nearly of one brightness: .* use 128...143 alone"):
        from_folder(tmp_path, (12, 10), batch_size=2)


def test_it_is_said_once(tmp_path):
    save_all(tmp_path, noise(0, 4095))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset = from_folder(tmp_path, (12, 10), batch_size=2)
        record(dataset, 2, 6)
        from_folder(tmp_path, (12, 10), batch_size=2)
    assert len([each for each in caught if "nearly black" in str(each.message)]) == 1


def in_the_dark(lights):
    """Photos at night, with some lights in some of them."""
    pixels = noise(0, 40, "uint8", shape=(12, 10, 3))
    pixels[:lights, 3:5, 4:6] = 220
    return pixels


def gray_palette():
    pixels = Image.fromarray(np.arange(16, dtype="uint8").reshape(4, 4), "P")
    pixels.putpalette(np.repeat(np.linspace(0, 255, 16).astype("uint8"), 3).tolist())
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        noise(0, 65535),
        noise(0, 255, "uint8"),
        in_the_dark(1),
        noise(100, 180, "uint8"),
        [gray_palette()] * 2,
        [np.full((6, 6), 200, "uint8")],
        [*np.zeros((5, 6, 6), "uint8"), np.full((6, 6), 255, "uint8")],
    ],
    ids=["16 bits", "8 bits", "night", "fog", "palette", "one image of a color", "masks"],
)
def test_others_are_not_spoken_of(tmp_path, recwarn, pixels):
    save_all(tmp_path, pixels)
    from_folder(tmp_path, (12, 10), batch_size=1)
    assert not recwarn.list


def test_a_folder_without_any_light_is_spoken_of(tmp_path):
    save_all(tmp_path, in_the_dark(0))
    with pytest.warns(UserWarning, match="use 0...40 alone"):
        from_folder(tmp_path, (12, 10), batch_size=1)


def test_some_files_are_looked_at_all_over_the_folder(tmp_path, monkeypatch):
    looked_at = []
    monkeypatch.setattr(
        module,
        "read_image",
        lambda file, size: looked_at.append(int(file.stem)) or np.array([0, 255], "uint8"),
    )
    save_all(tmp_path, noise(0, 255, "uint8", count=200, shape=(2, 2)))
    from_folder(tmp_path, 2, batch_size=1, workers=1)
    assert len(looked_at) == 64
    assert np.diff([0, *sorted(looked_at), 199]).max() <= 4


def test_a_broken_file_is_told_when_its_turn_comes(tmp_path):
    save_all(tmp_path, noise(0, 4095))
    broken = tmp_path / "000.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.warns(UserWarning, match="the 5 that were looked at"):
        from_folder(tmp_path, (12, 10), batch_size=2)
