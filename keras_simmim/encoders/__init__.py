from keras_simmim.encoders.channels_first import ChannelsFirst as ChannelsFirst
from keras_simmim.encoders.check_encoder import check_encoder as check_encoder
from keras_simmim.encoders.normalized import Normalized as Normalized
from keras_simmim.encoders.pooling import flatten_positions as flatten_positions
from keras_simmim.encoders.pooling import pool as pool
from keras_simmim.encoders.resnet import ResNet as ResNet
from keras_simmim.encoders.standardize import Standardize as Standardize
from keras_simmim.encoders.vit import ViT as ViT
