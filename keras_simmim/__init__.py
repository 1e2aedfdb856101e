"""Self-supervised image pre-training for Keras 3, on TensorFlow, JAX and PyTorch."""

# ruff: noqa: E402
__version__ = "0.1.0"

from keras_simmim._installed_backend import use_installed_backend
from keras_simmim._onednn import use_onednn
from keras_simmim._quiet_tensorflow import quiet_tensorflow

use_onednn()
quiet_tensorflow()
_why_backend = use_installed_backend()

from keras_simmim import backend as backend
from keras_simmim import datasets as datasets
from keras_simmim import distribution as distribution
from keras_simmim import encoders as encoders
from keras_simmim import evaluation as evaluation
from keras_simmim import heads as heads
from keras_simmim import losses as losses
from keras_simmim import methods as methods
from keras_simmim import metrics as metrics
from keras_simmim import optimizers as optimizers
from keras_simmim import reports as reports
from keras_simmim import views as views
from keras_simmim.export import export as export
from keras_simmim.from_pretrained import from_pretrained as from_pretrained
from keras_simmim.methods import BYOL as BYOL
from keras_simmim.methods import EMPSSL as EMPSSL
from keras_simmim.methods import MaskedImageModel as MaskedImageModel
from keras_simmim.methods import MoCo as MoCo
from keras_simmim.methods import SimCLR as SimCLR
from keras_simmim.methods import SimMIM as SimMIM
