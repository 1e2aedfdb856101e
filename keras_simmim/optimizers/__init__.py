"""Optimizers that Keras lacks; learning rate schedules are Keras's own."""

from keras_simmim.optimizers.lars import LARS as LARS
from keras_simmim.optimizers.muon import Muon as Muon
