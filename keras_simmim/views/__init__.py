"""Random views of images, made on the device inside the training step."""

from keras_simmim.views.patch_masker import PatchMasker as PatchMasker
from keras_simmim.views.view_splitter import ViewSplitter as ViewSplitter
