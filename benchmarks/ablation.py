"""What each part of SimMIM is worth: kNN on full CIFAR-10 with one part changed at a time.

    python benchmarks/ablation.py --data-dir ~/tensorflow_datasets --passes 1
    python benchmarks/ablation.py --data-dir ~/tensorflow_datasets --minutes 5

Every run is the recipe of `keras-simmim pretrain --data cifar10 --crop-scale 0.2 1` but for what
its row says, in a process of its own on a core of its own, seeds side by side. Angles are on each
of the last two stages of the encoder. With `--passes` the variants of the head see the same images,
and the variants of the views compute as many views of 32 pixels, 512 a step (a view of 16 pixels
counts as a quarter): more views of fewer images. With `--minutes` all get the same time on one
core, compilation included, and their schedules end with it.

Features are those of whole images (k = 200, temperature 0.1; 50,000 images vote on 10,000). The
rows of the mean over views judge the models of the first row anew. Prints Markdown tables; an hour
a pass on 2 cores, of which the table `attention` takes 40 minutes.
"""

from trials import knn_of_means, on_large_crops, run_and_print

BASE = "4 angles on each of 2 stages, loss per angle; 4 views (default)"
TABLES = {
    "attention": {
        BASE: {},
        "1 angle": {"num_heads": 1},
        "2 angles": {"num_heads": 2},
        "8 angles": {"num_heads": 8},
        "2 angles, loss on the concatenation": {"num_heads": 2, "change": "concatenate"},
        "4 angles, loss on the concatenation": {"num_heads": 4, "change": "concatenate"},
        "8 angles, loss on the concatenation": {"num_heads": 8, "change": "concatenate"},
        "queries that start near zero": {"change": "shrink_queries"},
        "last stage only": {"stages": 1},
        "3 stages": {"stages": 3},
        "1 angle on the stage before the last": {"change": "one_inner_angle"},
        "average pooling, MLP, on each of 2 stages": {"head": "projection"},
        "average pooling, MLP, last stage only": {"head": "projection", "stages": 1},
    },
    "views": {
        BASE: {},
        "2 views": {"num_views": 2, "batch_size": 256},
        "8 views": {"num_views": 8, "batch_size": 64},
        "20 views": {"num_views": 20, "batch_size": 26},
        "2 views and 4 local ones of 16 px": {
            "num_views": 2,
            "batch_size": 170,
            "change": "add_local_views",
        },
    },
    "recipe": {
        BASE: {},
        "Adam": {"optimizer": "adam"},
        "Adam, learning rate 1e-3": {"optimizer": "adam", "learning_rate": 1e-3},
        "stem not whitened": {"whiten_stem": False},
        "temperature 0.1": {"temperature": 0.1},
        "temperature 0.2": {"temperature": 0.2},
    },
}
# The views over which features are averaged: what differs from those of the training.
MEANS = {
    "mean over 8 views, as in training": {},
    "mean over 8 views, crops and flips alone": {"jitter": 0.0, "grayscale": 0.0},
}


def judge_means(name, model, labelled):
    """Accuracies of the default's model by means over views."""
    if name != BASE:
        return {}
    return {shown: knn_of_means(model, labelled, **changes) for shown, changes in MEANS.items()}


def concatenate(model):
    """One loss on the embeddings of all angles side by side, of unit length again."""
    import keras

    import keras_simmim as ks

    class OnConcatenation(keras.layers.Layer):
        def __init__(self, loss):
            super().__init__()
            self.loss = loss

        def call(self, embeddings):
            batch, views, angles, dim = keras.ops.shape(embeddings)
            one = keras.ops.reshape(embeddings, (batch, views, 1, angles * dim))
            return self.loss(one / angles**0.5)

    loss = OnConcatenation(model.embedding_loss)
    return ks.SimMIM(model.encoder, model.view_splitter, model.head, loss, model.inner_heads)


def add_local_views(model):
    """Adds four views of half the side, of 5 to 40 % of the area."""
    import keras_simmim as ks

    changes = {"num_views": 4, "crop_scale": (0.05, 0.4), "view_size": 16}
    local = ks.views.ViewSplitter.from_config({**model.view_splitter.get_config(), **changes})
    splitters = [model.view_splitter, local]
    heads = {"attention_head": model.head, "inner_heads": model.inner_heads}
    return ks.SimMIM(model.encoder, splitters, loss=model.embedding_loss, **heads)


def one_inner_angle(model):
    """Gives the stage before the last a fifth of the loss, not half."""
    import keras_simmim as ks

    config = {**model.head.get_config(), "name": None, "num_heads": 1}
    inner = {name: ks.heads.AttentionHead.from_config(config) for name in model.inner_heads}
    return ks.SimMIM(
        model.encoder, model.view_splitter, model.head, model.embedding_loss, inner_heads=inner
    )


def shrink_queries(model):
    """Starts with angles that look at all positions alike, as average pooling does."""
    for head in (model.head, *model.inner_heads.values()):
        head.query.assign(0.02 * head.query.value)
    return model


CHANGES = {
    "one_inner_angle": one_inner_angle,
    "shrink_queries": shrink_queries,
    "concatenate": concatenate,
    "add_local_views": add_local_views,
}


if __name__ == "__main__":
    run_and_print(on_large_crops(TABLES), __doc__.splitlines()[0], CHANGES, judge_means)
