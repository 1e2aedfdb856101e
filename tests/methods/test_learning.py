"""SimMIM learns: on real images, features get better than those of the untrained encoder."""

import keras
import pytest

import keras_simmim as ks


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_knn_accuracy_on_the_sample_rises(seed):
    keras.utils.set_random_seed(seed)
    train, test = ks.datasets.load("sample", "train"), ks.datasets.load("sample", "test")
    model = ks.SimMIM(
        encoder=ks.encoders.ResNet(depth=18, width=8, image_shape=(32, 32, 3), stem="3x3/2"),
        view_splitter=ks.views.ViewSplitter(seed=seed),
    )
    knn = ks.evaluation.KNNCallback(*train, *test, every=8)
    knn.set_model(model)
    untrained = knn.measure()
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    batches = ks.datasets.ArrayBatches(train[0], batch_size=128, seed=seed)
    history = model.fit(batches, epochs=8, shuffle=False, verbose=0, callbacks=[knn]).history
    assert history["loss"][-1] < history["loss"][0] - 0.5
    assert history["contrastive_accuracy"][-1] > history["contrastive_accuracy"][0] + 0.1
    assert history["knn_accuracy"][-1] > untrained + 0.04
