"""How good features are: kNN accuracy, during training and after."""

from keras_simmim.evaluation.embed import embed as embed
from keras_simmim.evaluation.knn import knn_accuracy as knn_accuracy
from keras_simmim.evaluation.knn import knn_predict as knn_predict
from keras_simmim.evaluation.knn_callback import KNNCallback as KNNCallback
