import os


def enable_determinism() -> None:
    """Makes every operation give the same bits for the same input, at some cost in speed.

    XLA's CPU code is deterministic as it is; on GPUs a flag asks for it, which XLA reads when JAX
    looks for devices: call it before anything else.
    """
    flag = "--xla_gpu_deterministic_ops=true"
    flags = os.environ.get("XLA_FLAGS", "")
    if flag not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {flag}".strip()
