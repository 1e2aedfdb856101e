import jax


def preferred_precision() -> str:
    """The faster dtype policy on this machine: `"mixed_bfloat16"` or `"float32"`.

    XLA's CPU convolutions gain nothing from bfloat16, so only accelerators use it.
    """
    if jax.default_backend() == "cpu":
        return "float32"
    if jax.default_backend() == "gpu":
        capability = getattr(jax.devices()[0], "compute_capability", "0.0")
        return "mixed_bfloat16" if float(capability) >= 8.0 else "float32"
    return "mixed_bfloat16"
