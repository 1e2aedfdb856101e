from keras_simmim.backend.torch.batch_norm import batch_norm as batch_norm
from keras_simmim.backend.torch.conv2d import conv2d as conv2d
from keras_simmim.backend.torch.determinism import enable_determinism as enable_determinism
from keras_simmim.backend.torch.map_tiles import map_tiles as map_tiles
from keras_simmim.backend.torch.precision import check_precision as check_precision
from keras_simmim.backend.torch.precision import preferred_precision as preferred_precision
from keras_simmim.backend.torch.train_step_mixin import TrainStepMixin as TrainStepMixin
