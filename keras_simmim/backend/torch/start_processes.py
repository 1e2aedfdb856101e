import logging
import os
import sys
import threading
import time
import uuid

import torch

from keras_simmim.backend.usable_cores import usable_cores


def start_processes(devices, arguments: list[str]) -> bool:
    """Runs a Python program in a process for each device, as torchrun does, if that has not.

    Args:
        devices: "auto" for all GPUs, or how many.
        arguments: those of Python.

    Returns:
        Whether it has run, and this process has nothing left to do.

    Raises:
        RuntimeError: where one of them failed.
        SystemExit: where one ended with status 2, by which it has said what it was given wrong;
            with 128 + N where signal N has ended them all.
    """
    if "RANK" in os.environ:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
        return False
    # Here, as importing them takes as long as the rest of this package.
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    count = max(1, torch.cuda.device_count()) if devices == "auto" else devices
    # torchrun would give each one.
    threads = max(1, usable_cores() // count)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # It tells at length what is said below in a line.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=count,
        run_id=str(uuid.uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
    )
    try:
        elastic_launch(config, sys.executable)(*arguments)
    except SignalException as error:  # passed on to the processes, which have ended
        sys.exit(128 + error.sigval)
    except ChildFailedError as error:
        index, failure = error.get_first_failure()
        code = failure.exitcode
        if code == 2:
            sys.exit(code)
        how = f"by signal {-code}" if code < 0 else f"with status {code}"
        raise RuntimeError(
            f"Process {index} of {count} ended {how}, and so the others were ended, too."
        ) from error
    return True


def _end_with(launcher):
    """Ends this process when what has started it is gone: killed, that can't do so itself."""
    while os.getppid() == launcher:
        time.sleep(0.5)
    os._exit(1)
