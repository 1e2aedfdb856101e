"""The one place where TensorFlow, JAX and torch differ: the same names in each sub-package."""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_simmim.backend.tensorflow import (
        TrainStepMixin as TrainStepMixin,
    )
    from keras_simmim.backend.tensorflow import (
        enable_determinism as enable_determinism,
    )
    from keras_simmim.backend.tensorflow import (
        preferred_precision as preferred_precision,
    )
elif keras.backend.backend() == "jax":
    from keras_simmim.backend.jax import TrainStepMixin as TrainStepMixin  # type: ignore[assignment]
    from keras_simmim.backend.jax import enable_determinism as enable_determinism
    from keras_simmim.backend.jax import preferred_precision as preferred_precision
elif keras.backend.backend() == "torch":
    from keras_simmim.backend.torch import TrainStepMixin as TrainStepMixin  # type: ignore[assignment]
    from keras_simmim.backend.torch import enable_determinism as enable_determinism
    from keras_simmim.backend.torch import preferred_precision as preferred_precision
else:
    raise ImportError(
        "keras_simmim trains on the TensorFlow, JAX and torch backends of Keras. Set "
        "KERAS_BACKEND=tensorflow, jax or torch before Keras is imported. "
        f"Received: {keras.backend.backend()!r}"
    )
