"""Work is proportional to what was asked: the images that pass the encoder are counted."""

import numpy as np
import pytest
from counted_rows import counting_encoder, rows_of
from small_methods import some_images

import keras_simmim as ks
from keras_simmim import evaluation
from keras_simmim.reports import pictures

VIEWS = 3
LABELS = np.arange(12) % 3


def splitter():
    return ks.views.ViewSplitter(num_views=VIEWS, seed=1)


def head(**options):
    return ks.heads.ProjectionHead(8, 12, **options)


MAKE = {
    "SimMIM": lambda: ks.SimMIM(counting_encoder(), splitter(), ks.heads.AttentionHead(2, 8)),
    "SimCLR": lambda: ks.SimCLR(counting_encoder(), splitter(), head()),
    "MoCo": lambda: ks.MoCo(counting_encoder(), splitter(), head(), queue_size=20),
    "BYOL": lambda: ks.BYOL(counting_encoder(), splitter(), head(normalize=False)),
    "EMPSSL": lambda: ks.EMPSSL(counting_encoder(), splitter(), head()),
}
HAVE_TARGET = ("MoCo", "BYOL")
# MoCo encodes a view by the online encoder and the others by the target, BYOL all views by both.
ROWS_OF_AN_IMAGE = dict.fromkeys(MAKE, VIEWS) | {"BYOL": 2 * VIEWS}


@pytest.fixture
def method(request):
    model = MAKE[getattr(request, "param", "SimCLR")]()
    model.compile()
    return model


@pytest.mark.parametrize("method", MAKE, indirect=True)
def test_training_and_validation_encode_views_alone(method):
    encoders, each = [method.encoder], ROWS_OF_AN_IMAGE[type(method).__name__]
    if type(method).__name__ in HAVE_TARGET:
        encoders.append(method.target_encoder)
    fit = rows_of(
        lambda: method.fit(
            some_images(), batch_size=6, verbose=0, validation_data=some_images(8), epochs=2
        ),
        *encoders,
    )
    assert fit == 2 * (12 + 8) * each
    evaluate = rows_of(lambda: method.evaluate(some_images(8), batch_size=4, verbose=0), *encoders)
    assert evaluate == 8 * each
    for on_batch in (method.train_on_batch, method.test_on_batch):
        rows = rows_of(lambda on_batch=on_batch: on_batch(some_images(4)), *encoders)
        assert rows == 4 * each


def test_prediction_encodes_each_image_once(method):
    assert rows_of(lambda: method.predict(some_images(7), verbose=0), method.encoder) == 7
    assert rows_of(lambda: method.predict_on_batch(some_images(5)), method.encoder) == 5


@pytest.mark.parametrize("count", [1, 4, 9, 11])
def test_embedding_encodes_little_more_than_the_images(method, count):
    images = some_images(count)
    assert rows_of(lambda: evaluation.embed(method, images), method.encoder) == count
    in_batches = rows_of(lambda: evaluation.embed(method, images, batch_size=4), method.encoder)
    batches = -(-count // 4)
    assert count <= in_batches < count + batches
    views = rows_of(lambda: evaluation.embed(method, images, num_views=2), method.encoder)
    assert views == 2 * count


def test_embedding_batches_of_others_fills_up_less_than_what_is_there(method):
    batches = [some_images(8), some_images(8), some_images(1)]
    assert rows_of(lambda: evaluation.embed(method, batches), method.encoder) == 17
    batches[-1] = some_images(3)
    assert rows_of(lambda: evaluation.embed(method, batches), method.encoder) == 20


def test_callbacks_encode_their_images_once_a_look(method):
    def rows(callback):
        def fit():
            method.fit(some_images(), batch_size=6, verbose=0, epochs=2, callbacks=[callback])

        return rows_of(fit, method.encoder) - 2 * 12 * VIEWS

    knn = evaluation.KNNCallback(some_images(9), LABELS[:9], some_images(5), LABELS[:5], k=3)
    assert rows(knn) == 2 * (9 + 5)
    views = evaluation.SpaceCallback(some_images(6), every=2)
    # The first epoch and the last.
    assert rows(views) == 2 * rows_of(lambda: views.measure(), method.encoder)
    assert rows(evaluation.CollapseCallback()) == 0


def test_reports_embed_each_image_once(method):
    source = pictures.Images(
        some_images(6), LABELS[:6], ["a", "b", "c"], some_images(9), LABELS[:9]
    )
    assert rows_of(lambda: pictures.pictures(method, source), method.encoder) == 6 + 9
