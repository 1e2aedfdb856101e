"""Images to train on: CIFAR-10, the bundled sample, and folders."""

from keras_simmim.datasets.array_batches import ArrayBatches as ArrayBatches
from keras_simmim.datasets.batches import Batches as Batches
from keras_simmim.datasets.class_names import class_names as class_names
from keras_simmim.datasets.image_file_error import ImageFileError as ImageFileError
from keras_simmim.datasets.image_folder import ImageFolder as ImageFolder
from keras_simmim.datasets.image_folder import from_folder as from_folder
from keras_simmim.datasets.load import load as load
