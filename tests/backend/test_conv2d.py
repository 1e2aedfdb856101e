import keras
import pytest
from small_methods import some_images

from keras_simmim.encoders import Conv2D
from keras_simmim.views import ViewSplitter


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only torch has memory formats")
def test_of_views_too_the_result_lies_channels_last():
    """Views come planar; all layers keep the format that the first convolution gives them."""
    views = ViewSplitter()(some_images())
    assert not views.is_contiguous()
    assert Conv2D(4, 3)(views[:, 0]).is_contiguous()
