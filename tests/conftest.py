import os

# XLA's optimisation costs the tests more than it saves: they compile much and compute little.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")

import hypothesis  # noqa: E402
import keras  # noqa: E402
import pytest  # noqa: E402

import keras_simmim  # noqa: E402,F401  registers the classes that saved files name

# The same examples each time; few under JAX, which compiles for each shape.
hypothesis.settings.register_profile(
    "same",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=2 if keras.backend.backend() == "jax" else 15,
    # `same_start` runs once for all examples of a test, which is enough.
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.load_profile("same")


@pytest.fixture(autouse=True)
def same_start():
    """Every test starts from the same random state, in float32."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")


def pytest_report_header():
    """The log of a run says what it ran on."""
    return f"keras {keras.version()}, {keras.backend.backend()}"
