import sys


def peak_memory_mb() -> float | None:
    """Most memory that this process has had at a time, in MB; None where nobody counts."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return round(peak / (1 if sys.platform == "darwin" else 2**-10) / 1e6, 1)
