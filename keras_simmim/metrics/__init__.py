from keras_simmim.metrics.alignment import Alignment as Alignment
from keras_simmim.metrics.contrastive_accuracy import ContrastiveAccuracy as ContrastiveAccuracy
from keras_simmim.metrics.embedding_std import EmbeddingStd as EmbeddingStd
from keras_simmim.metrics.rankme import RankMe as RankMe
from keras_simmim.metrics.uniformity import Uniformity as Uniformity
