from keras_simmim.backend.jax.batch_norm import batch_norm as batch_norm
from keras_simmim.backend.jax.conv2d import conv2d as conv2d
from keras_simmim.backend.jax.determinism import enable_determinism as enable_determinism
from keras_simmim.backend.jax.map_tiles import map_tiles as map_tiles
from keras_simmim.backend.jax.precision import check_precision as check_precision
from keras_simmim.backend.jax.precision import preferred_precision as preferred_precision
from keras_simmim.backend.jax.train_step_mixin import TrainStepMixin as TrainStepMixin
