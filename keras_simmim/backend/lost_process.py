import re

# How torch's and JAX's gloo, NCCL and TensorFlow's workers tell that one of them is gone.
_SIGNS = re.compile(
    "gloo|nccl|connection (reset|closed|refused)|unhealthy|heartbeat|coordination service",
    re.IGNORECASE,
)


def lost_process(error: BaseException) -> bool:
    """Whether an error that one of several processes meets is that another one has ended."""
    return bool(_SIGNS.search(str(error)))
