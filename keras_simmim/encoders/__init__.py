from keras_simmim.encoders.pooling import flatten_positions as flatten_positions
from keras_simmim.encoders.pooling import pool as pool
from keras_simmim.encoders.resnet import ResNet as ResNet
from keras_simmim.encoders.standardize import Standardize as Standardize
