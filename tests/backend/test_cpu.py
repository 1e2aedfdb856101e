import keras
import pytest

from keras_simmim import backend
from keras_simmim.backend.cpu import cpu_has_bfloat16


@pytest.mark.parametrize(
    "text,expected",
    [
        ("processor : 0\nflags\t\t: fpu sse avx512f avx512_bf16\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("Features\t: fp asimd bf16\n", True),
        ("flags\t\t: fpu sse avx512f\nbugs : bf16\n", False),
    ],
)
def test_reads_the_flags(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_has_bfloat16(tmp_path / "cpuinfo") is expected


def test_no_description_no_bfloat16(tmp_path):
    assert cpu_has_bfloat16(tmp_path / "missing") is False


def test_preferred_precision_is_a_policy():
    policy, why = backend.preferred_precision()
    assert policy in ("float32", "mixed_bfloat16")
    assert why
    backend.check_precision(policy)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="only JAX can't do it")
def test_float16_on_a_cpu_is_refused():
    with pytest.raises(ValueError, match="Received: mixed_float16"):
        backend.check_precision("mixed_float16")
