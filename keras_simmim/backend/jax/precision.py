import jax


def preferred_precision() -> tuple[str, str]:
    """The faster dtype policy on this machine, `"mixed_bfloat16"` or `"float32"`, and why."""
    device = jax.default_backend()
    if device == "cpu":
        return "float32", "XLA's CPU convolutions gain nothing from bfloat16"
    if device == "gpu":
        capability = getattr(jax.devices()[0], "compute_capability", "0.0")
        # Tensor cores multiply bfloat16 from compute capability 8.0 (Ampere) on.
        if float(capability) < 8.0:
            return "float32", "the GPU does not multiply bfloat16"
    return "mixed_bfloat16", f"the {device.upper()} multiplies bfloat16"


def check_precision(policy: str) -> None:
    """Raises a ValueError for a dtype policy that can't be trained in here."""
    if policy == "mixed_float16" and jax.default_backend() == "cpu":
        raise ValueError(
            "JAX does not train in mixed_float16 on a CPU: use mixed_bfloat16, float32, or another "
            f"backend. Received: {policy}"
        )
