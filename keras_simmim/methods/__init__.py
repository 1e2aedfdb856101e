from keras_simmim.methods.byol import BYOL as BYOL
from keras_simmim.methods.empssl import EMPSSL as EMPSSL
from keras_simmim.methods.masked_image_model import MaskedImageModel as MaskedImageModel
from keras_simmim.methods.method import Method as Method
from keras_simmim.methods.moco import MoCo as MoCo
from keras_simmim.methods.simclr import SimCLR as SimCLR
from keras_simmim.methods.simmim import SimMIM as SimMIM
