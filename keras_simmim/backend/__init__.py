"""The one place where TensorFlow, JAX and torch differ: the same names in each sub-package."""

import importlib

import keras

from keras_simmim.backend.build_shape import mark_built as mark_built
from keras_simmim.backend.lost_process import lost_process as lost_process

_engine = importlib.import_module(f"keras_simmim.backend.{keras.backend.backend()}")

TrainStepMixin = _engine.TrainStepMixin
batch_is_split = _engine.batch_is_split
batch_norm = _engine.batch_norm
batch_norm_of_replicas = _engine.batch_norm_of_replicas
check_precision = _engine.check_precision
conv2d = _engine.conv2d
data_part = _engine.data_part
device_count = _engine.device_count
enable_determinism = _engine.enable_determinism
engine = _engine.engine
exports_are_portable = _engine.exports_are_portable
gather = _engine.gather
is_chief = _engine.is_chief
largest_of_all = _engine.largest_of_all
map_tiles = _engine.map_tiles
mean_of_replicas = _engine.mean_of_replicas
own_share = _engine.own_share
predict_on_batch = _engine.predict_on_batch
preferred_precision = _engine.preferred_precision
prepare_data = _engine.prepare_data
process_count = _engine.process_count
replica_count = _engine.replica_count
replica_index = _engine.replica_index
run_export = _engine.run_export
same_on_all = _engine.same_on_all
share_of_loss = _engine.share_of_loss
start_processes = _engine.start_processes
start_replicas = _engine.start_replicas
write_export = _engine.write_export
