"""Data parallelism by `tf.distribute.MirroredStrategy`: a step on each replica, in one process.

Over several processes by `MultiWorkerMirroredStrategy`, where `TF_CONFIG` describes them.
"""

import contextlib
import os

import tensorflow as tf

from keras_simmim.backend.choose_devices import choose_devices
from keras_simmim.backend.prepare_saving import prepare_saving


@contextlib.contextmanager
def start_replicas(devices):
    """Spreads over devices what is made and trained inside.

    Args:
        devices: "auto" for all of the best kind, how many, or a list of names such as `"GPU:0"`.

    Raises:
        ValueError: for devices that are not there.
    """
    if "TF_CONFIG" in os.environ:
        strategy = _workers(devices)
        prepare_saving()
        with strategy.scope():
            yield
        return
    if isinstance(devices, int) and not tf.config.list_physical_devices("GPU"):
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        # Once TensorFlow has run something, it has as many devices of the CPU as it has.
        with contextlib.suppress(RuntimeError):
            tf.config.set_logical_device_configuration(cpu, parts)
    there = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    there = [device.name.removeprefix("/device:") for device in there]
    chosen = choose_devices(devices, there)
    # A strategy for one device would cost what one for many does.
    one = len(chosen) == 1
    with tf.device(chosen[0]) if one else tf.distribute.MirroredStrategy(chosen).scope():
        yield


def _workers(devices):
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    there = strategy.num_replicas_in_sync
    if devices not in ("auto", there):
        raise ValueError(
            f"Several workers train on all of their devices, here {there}: give `devices` as "
            f"'auto' or {there}. Received: devices={devices!r}"
        )
    return strategy


def has_workers(strategy):
    """Whether a strategy spans several processes."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def engine():
    """What spreads the training over devices at this moment; None: nothing does."""
    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else None


def batch_is_split():
    """Whether a layer sees a replica's part of the batch."""
    return device_count() > 1


def device_count():
    """Devices that a batch is split over, of all processes."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def data_part():
    """Which part of each batch this process reads, and of how many: TensorFlow cuts by itself."""
    return 0, 1


def process_count():
    """Processes that train together."""
    strategy = tf.distribute.get_strategy()
    if not has_workers(strategy):
        return 1
    return len(strategy.cluster_resolver.cluster_spec().as_dict()["worker"])


def is_chief():
    """Whether this process is the one that writes and prints."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    return resolver is None or not resolver.task_id


def same_on_all(x):
    """What the first process has, on all of them: a number or an array of numbers."""
    return _of_all(x)[0] if process_count() > 1 else x


def largest_of_all(x):
    """The largest that any process has, on all of them: a number or an array of numbers."""
    return _of_all(x).max(axis=0) if process_count() > 1 else x


def _of_all(x):
    strategy = tf.distribute.get_strategy()
    own = strategy.experimental_distribute_values_from_function(lambda _: tf.constant([x]))
    return strategy.gather(own, axis=0).numpy()


def replica_count():
    """Replicas that each run a step on their part of the batch; 1 outside of a step."""
    # There is no replica where a model is made, embeds or is traced to find shapes.
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def replica_index():
    """Which replica a step runs on."""
    if replica_count() == 1:
        return 0
    return tf.distribute.get_replica_context().replica_id_in_sync_group


def own_share(x):
    """This replica's part of what was made for the whole batch."""
    if replica_count() == 1:
        return x
    size = tf.shape(x)[0] // replica_count()
    return x[replica_index() * size : (replica_index() + 1) * size]


def gather(x):
    """What all replicas have, one after another on axis 0; its gradient is their sum."""
    if replica_count() == 1:
        return x
    size = x.shape[0]
    gathered = tf.distribute.get_replica_context().all_gather(x, axis=0)
    # Of which TensorFlow forgets the shape.
    return tf.ensure_shape(
        gathered, (None if size is None else size * replica_count(), *x.shape[1:])
    )


def mean_of_replicas(x):
    """The mean over the replicas; so is its gradient."""
    if replica_count() == 1:
        return x
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, x)


def share_of_loss(loss):
    """What a replica derives, so that gradients and value are those of the whole batch's loss."""
    if replica_count() == 1:
        return loss
    value = mean_of_replicas(tf.stop_gradient(loss))
    # Keras adds the gradients of the replicas, and takes the division back for its logs.
    return (loss + value - tf.stop_gradient(loss)) / replica_count()
