from keras_simmim.backend.torch.batch_norm import batch_norm as batch_norm
from keras_simmim.backend.torch.batch_norm_of_replicas import (
    batch_norm_of_replicas as batch_norm_of_replicas,
)
from keras_simmim.backend.torch.conv2d import conv2d as conv2d
from keras_simmim.backend.torch.determinism import enable_determinism as enable_determinism
from keras_simmim.backend.torch.map_tiles import map_tiles as map_tiles
from keras_simmim.backend.torch.precision import check_precision as check_precision
from keras_simmim.backend.torch.precision import preferred_precision as preferred_precision
from keras_simmim.backend.torch.predict_on_batch import predict_on_batch as predict_on_batch
from keras_simmim.backend.torch.prepare_data import prepare_data as prepare_data
from keras_simmim.backend.torch.replicas import batch_is_split as batch_is_split
from keras_simmim.backend.torch.replicas import data_part as data_part
from keras_simmim.backend.torch.replicas import device_count as device_count
from keras_simmim.backend.torch.replicas import engine as engine
from keras_simmim.backend.torch.replicas import gather as gather
from keras_simmim.backend.torch.replicas import is_chief as is_chief
from keras_simmim.backend.torch.replicas import largest_of_all as largest_of_all
from keras_simmim.backend.torch.replicas import mean_of_replicas as mean_of_replicas
from keras_simmim.backend.torch.replicas import own_share as own_share
from keras_simmim.backend.torch.replicas import process_count as process_count
from keras_simmim.backend.torch.replicas import replica_count as replica_count
from keras_simmim.backend.torch.replicas import replica_index as replica_index
from keras_simmim.backend.torch.replicas import same_on_all as same_on_all
from keras_simmim.backend.torch.replicas import share_of_loss as share_of_loss
from keras_simmim.backend.torch.replicas import start_replicas as start_replicas
from keras_simmim.backend.torch.run_export import run_export as run_export
from keras_simmim.backend.torch.start_processes import start_processes as start_processes
from keras_simmim.backend.torch.train_step_mixin import TrainStepMixin as TrainStepMixin
from keras_simmim.backend.torch.write_export import exports_are_portable as exports_are_portable
from keras_simmim.backend.torch.write_export import write_export as write_export
