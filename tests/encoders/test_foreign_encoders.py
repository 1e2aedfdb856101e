"""One encoder and the augmentation of another library; all of them: tests/across_backends."""

import keras
import numpy as np
import pytest
from foreign_encoders import cv_resnet_v2, hub_resnet
from small_methods import some_images

import keras_simmim as ks

keras_cv = pytest.importorskip("keras_cv")


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="others run TensorFlow's operations")
def test_its_augmentation_inside_an_encoder_on_jax():
    encoder = keras.Sequential([keras_cv.layers.RandomFlip(), keras.layers.Conv2D(4, 3)])
    with pytest.raises(ValueError, match="'random_flip' is an augmentation of keras-cv.*tf.data"):
        ks.encoders.check_encoder(encoder, (16, 16, 3))


def test_keras_cv_before_and_inside(tmp_path):
    """Its augmentation in tf.data, which it needs, before our views, and its backbone."""
    import tensorflow as tf

    flip, grayscale = keras_cv.layers.RandomFlip(), keras_cv.layers.Grayscale(3)
    images = some_images(16, size=32)
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(8)
    dataset = dataset.map(lambda x: grayscale(flip(tf.cast(x, "float32"), training=True)))
    (first, _) = dataset.as_numpy_iterator()
    assert first.shape == (8, 32, 32, 3) and np.ptp(first, axis=-1).max() < 1e-3

    encoder = cv_resnet_v2(stackwise_filters=[64], stackwise_blocks=[2], stackwise_strides=[1])
    head = ks.heads.AttentionHead(num_heads=2, embedding_dim=8)
    model = ks.SimMIM(encoder, attention_head=head)
    model.compile()
    history = model.fit(dataset, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    features = model.predict(images, verbose=0)
    assert features.shape == (16, 64)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded.predict(images, verbose=0), features, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("make, module", [(cv_resnet_v2, "keras_cv"), (hub_resnet, "keras_hub")])
def test_heads_on_a_level_of_the_pyramid(make, module, tmp_path):
    pytest.importorskip(module)
    heads = [ks.heads.AttentionHead(num_heads=2, embedding_dim=8) for _ in range(2)]
    encoder = ks.encoders.Normalized(make(), mean=127.5, std=64.0)
    model = ks.SimMIM(encoder, attention_head=heads[0], inner_heads={"P2": heads[1]})
    assert model.encoder_with_maps.outputs[1].shape == (None, 8, 8, 64)
    model.compile()
    images = some_images(16, size=32)
    model.fit(images, batch_size=8, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    views = np.stack([images, 255 - images], axis=1)
    embeddings = (keras.ops.convert_to_numpy(each.embed_views(views)) for each in (model, loaded))
    np.testing.assert_allclose(*embeddings, atol=1e-5)
    classifier = keras.Sequential(
        [loaded.encoder, keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    )
    assert classifier.predict(images, verbose=0).shape == (16, 3)
