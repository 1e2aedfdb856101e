"""How good features are: with few labels, with all of them, and without any."""

from keras_simmim.evaluation.alignment import alignment as alignment
from keras_simmim.evaluation.angle_distance import angle_distance as angle_distance
from keras_simmim.evaluation.attention_maps import attention_maps as attention_maps
from keras_simmim.evaluation.classifier import Classifier as Classifier
from keras_simmim.evaluation.collapse_callback import CollapseCallback as CollapseCallback
from keras_simmim.evaluation.embed import embed as embed
from keras_simmim.evaluation.fine_tune import FineTuned as FineTuned
from keras_simmim.evaluation.fine_tune import fine_tune as fine_tune
from keras_simmim.evaluation.knn import knn_accuracy as knn_accuracy
from keras_simmim.evaluation.knn import knn_predict as knn_predict
from keras_simmim.evaluation.knn_callback import KNNCallback as KNNCallback
from keras_simmim.evaluation.linear_classifier import linear_classifier as linear_classifier
from keras_simmim.evaluation.linear_probe import linear_probe as linear_probe
from keras_simmim.evaluation.probe_layers import probe_layers as probe_layers
from keras_simmim.evaluation.rankme import rankme as rankme
from keras_simmim.evaluation.space_callback import SpaceCallback as SpaceCallback
from keras_simmim.evaluation.standardize_features import (
    standardize_features as standardize_features,
)
from keras_simmim.evaluation.uniformity import uniformity as uniformity
