import keras


def statistics_dtype(x) -> str:
    """Returns the dtype for sums and exponents of a tensor: float32, or float64 where it is that.

    16 bits are too coarse for them. (`keras.backend.result_type` makes float32 of float64, except
    on TensorFlow.)
    """
    return "float64" if keras.backend.standardize_dtype(x.dtype) == "float64" else "float32"
