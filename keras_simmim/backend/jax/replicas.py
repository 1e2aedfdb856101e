"""Data parallelism by `keras.distribution.DataParallel`: one program over all devices.

The step is traced for the global batch and XLA splits it, so that losses, batch norm and draws are
those of one device as they are, and there is nothing to gather.
"""

import contextlib
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from keras.src.utils.rng_utils import get_random_seed

from keras_simmim.backend.choose_devices import choose_devices
from keras_simmim.backend.prepare_saving import prepare_saving


@contextlib.contextmanager
def start_replicas(devices):
    """Spreads over devices what is made and trained inside.

    Takes and raises what `backend/tensorflow/replicas.py` says, with names such as `"gpu:0"`.
    """
    addresses = os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    processes = int(os.environ["KERAS_DISTRIBUTION_NUM_PROCESSES"]) if addresses else 1
    if isinstance(devices, int):
        # Counts where there is no accelerator, and only before JAX looks for its devices.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", max(1, devices // processes))
    if addresses and not jax.distributed.is_initialized():
        # As `keras.distribution.initialize` does, which would wait for a lost process for minutes.
        jax.distributed.initialize(
            addresses.split(",")[0],
            processes,
            int(os.environ["KERAS_DISTRIBUTION_PROCESS_ID"]),
            heartbeat_timeout_seconds=30,
            shutdown_timeout_seconds=15,
        )
        if get_random_seed() is None:
            keras.utils.set_random_seed(int(same_on_all(np.random.randint(2**31))))
    there = keras.distribution.list_devices()
    chosen = choose_devices(devices, there)
    if jax.process_count() > 1 and len(chosen) < len(there):
        raise ValueError(
            f"Several processes train on all of their devices, here {', '.join(there)}. "
            f"Received: devices={devices!r}"
        )
    prepare_saving()
    # Not sharded by Keras: each process cuts its own share out of the batches.
    distribution = keras.distribution.DataParallel(devices=chosen, auto_shard_dataset=False)
    with distribution.scope():
        yield


def engine():
    """What spreads the training over devices at this moment; None: nothing does."""
    return keras.distribution.distribution()


def batch_is_split():
    """Whether a layer sees a replica's part of the batch; here it always sees the whole."""
    return False


def device_count():
    """Devices that a batch is split over, of all processes."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else distribution.device_mesh.devices.size


def data_part():
    """Which part of each batch this process reads, and of how many."""
    if keras.distribution.distribution() is None:
        return 0, 1
    return jax.process_index(), jax.process_count()


def process_count():
    """Processes that train together."""
    return jax.process_count()


def is_chief():
    """Whether this process is the one that writes and prints."""
    return jax.process_index() == 0


def same_on_all(x):
    """What the first process has, on all of them: a number or an array of numbers."""
    return multihost_utils.broadcast_one_to_all(x) if jax.process_count() > 1 else x


def largest_of_all(x):
    """The largest that any process has, on all of them: a number or an array of numbers."""
    return multihost_utils.process_allgather(x).max(axis=0) if jax.process_count() > 1 else x


def own_share(x):
    """This replica's part of what was made for the whole batch."""
    return x


def gather(x):
    """What all replicas have, one after another on axis 0; its gradient is their sum."""
    return x


def replica_index():
    """Which replica a step runs on."""
    return 0


def replica_count():
    """Replicas that each run a step on their part of the batch."""
    return 1


def mean_of_replicas(x):
    """The mean over the replicas; so is its gradient."""
    return x


def share_of_loss(loss):
    """What a replica derives, so that gradients and value are those of the whole batch's loss."""
    return loss
