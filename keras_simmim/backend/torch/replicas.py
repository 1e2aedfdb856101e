"""Data parallelism by `DistributedDataParallel`: a process for each device, started by torchrun."""

import contextlib
import os

import numpy as np
import torch
import torch.distributed as dist

_PARALLEL = False


@contextlib.contextmanager
def start_replicas(devices):
    """Joins the processes that torchrun has started.

    Args:
        devices: "auto", or how many processes there must be.

    Raises:
        ValueError: where torchrun has started none, or another number.
    """
    global _PARALLEL
    count = int(os.environ.get("WORLD_SIZE", "1"))
    _check(devices, count)
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    begun = "RANK" in os.environ and not dist.is_initialized()
    if begun:
        dist.init_process_group("nccl" if on_gpu else "gloo")
    _PARALLEL = dist.is_initialized()
    try:
        yield
    finally:
        _PARALLEL = False
        if begun:
            dist.destroy_process_group()


def _check(devices, count):
    whole = isinstance(devices, int) and not isinstance(devices, bool) and devices >= 1
    if devices != "auto" and not whole:
        raise ValueError(
            "Under torch `devices` must be 'auto' or the number of processes: torchrun gives each "
            f"its device. Received: devices={devices!r}"
        )
    if whole and devices != count:
        raise ValueError(
            "Under torch each device has a process of its own: start the script by "
            f"`torchrun --nproc-per-node={devices} SCRIPT`. Received: devices={devices}, and "
            f"{count} process{'' if count == 1 else 'es'}"
        )


def engine():
    """What spreads the training over devices at this moment; None: nothing does."""
    return dist.group.WORLD if _PARALLEL else None


def batch_is_split():
    """Whether a layer sees a replica's part of the batch."""
    return replica_count() > 1


def device_count():
    """Devices that a batch is split over, of all processes."""
    return replica_count()


def data_part():
    """Which part of each batch this process reads, and of how many."""
    return replica_index(), replica_count()


def process_count():
    """Processes that train together."""
    return replica_count()


def is_chief():
    """Whether this process is the one that writes and prints."""
    return replica_index() == 0


def replica_count():
    """Replicas that each run a step on their part of the batch."""
    return dist.get_world_size() if _PARALLEL else 1


def replica_index():
    """Which replica a step runs on."""
    return dist.get_rank() if _PARALLEL else 0


def own_share(x):
    """This replica's part of what was made for the whole batch."""
    size = len(x) // replica_count()
    return x[replica_index() * size : (replica_index() + 1) * size]


def gather(x):
    """What all replicas have, one after another on axis 0; its gradient is their sum."""
    return x if replica_count() == 1 else _Gather.apply(x)


def mean_of_replicas(x):
    """The mean over the replicas; so is its gradient."""
    return x if replica_count() == 1 else _Mean.apply(x)


def share_of_loss(loss):
    """What a replica derives, so that gradients and value are those of the whole batch's loss."""
    if replica_count() == 1:
        return loss
    # DistributedDataParallel takes the mean of the replicas' gradients.
    return loss + mean_of_replicas(loss.detach()) - loss.detach()


def same_on_all(x):
    """What the first process has, on all of them: anything that can be pickled."""
    box = [x]
    if replica_count() > 1:
        dist.broadcast_object_list(box)
    return box[0]


def largest_of_all(x):
    """The largest that any process has, on all of them: a number or an array of numbers."""
    if replica_count() == 1:
        return x
    every = [None] * replica_count()
    dist.all_gather_object(every, x)
    return np.max(every, axis=0)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        parts = [
            torch.empty(x.shape, dtype=x.dtype, device=x.device) for _ in range(replica_count())
        ]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx, gradient):
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return own_share(total)


class _Mean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return _mean(x)

    @staticmethod
    def backward(ctx, gradient):
        return _mean(gradient)


def _mean(x):
    total = x.contiguous().clone()
    dist.all_reduce(total)
    return total / replica_count()
