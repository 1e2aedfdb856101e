import keras
import numpy as np
import pytest
from small_methods import METHODS, small_encoder, small_vit, some_images, splitter

import keras_simmim as ks
from keras_simmim.evaluation import attention_maps


def test_maps_are_the_softmax_of_queries_and_features():
    encoder = ks.encoders.ResNet(10, 4, (None, None, 3), stem="3x3/2")
    inner = encoder.stage_end(3)
    method = ks.SimMIM(
        encoder, splitter(), ks.heads.AttentionHead(3, 4), inner_heads={inner: small_head()}
    )
    method.build((None, 32, 32, 3))
    for head in (method.head, method.inner_heads[inner]):
        head.query.assign(np.random.default_rng(1).normal(size=head.query.shape))
    images = some_images(5, 32)
    maps = attention_maps(method, images, batch_size=2)
    assert list(maps) == [encoder.name, inner]
    assert maps[encoder.name].shape == (5, 3, 2, 2) and maps[inner].shape == (5, 2, 4, 4)
    model = keras.Model(encoder.input, [encoder.output, encoder.get_layer(inner).output])
    features = [keras.ops.convert_to_numpy(x) for x in model(images.astype("float32"))]
    heads = (method.head, method.inner_heads[inner])
    for x, head, found in zip(features, heads, maps.values(), strict=True):
        query = keras.ops.convert_to_numpy(head.query)
        for image in range(5):
            for angle in range(head.num_heads):
                scores = np.exp(x[image] @ query[angle] / x.shape[-1] ** 0.5)  # (h, w)
                np.testing.assert_allclose(
                    found[image, angle], scores / scores.sum(), rtol=1e-3, atol=1e-5
                )


def small_head():
    return ks.heads.AttentionHead(2, 4)


def test_tokens_are_laid_out_as_the_image_is():
    method = ks.SimMIM(small_vit(), splitter(), small_head())
    (maps,) = attention_maps(method, some_images(3)).values()
    assert maps.shape == (3, 2, 8, 8)
    (maps,) = attention_maps(method, some_images(3)[:, :8]).values()
    assert maps.shape == (3, 2, 4, 8)


def test_errors():
    with pytest.raises(ValueError, match="Received: SimCLR with the head"):
        attention_maps(METHODS["SimCLR"](), some_images(2))
    with pytest.raises(ValueError, match="Received: 0 images"):
        attention_maps(METHODS["SimMIM"](), some_images(2)[:0])
    encoder = keras.Sequential([small_encoder(), keras.layers.Reshape((-1, 48))])  # 3 positions
    with pytest.raises(ValueError, match="Received: 3 positions of images of 16x16"):
        attention_maps(ks.SimMIM(encoder, splitter(), small_head()), some_images(2))
