import keras
import pytest

import keras_simmim  # noqa: F401  registers the classes that saved files name


@pytest.fixture(autouse=True)
def same_start():
    """Every test starts from the same random state, in float32."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")
