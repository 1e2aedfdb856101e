import numpy as np

from keras_simmim._numbers import check_integer, check_seed
from keras_simmim.evaluation.alignment import alignment
from keras_simmim.evaluation.embed import embed, multiple_of_devices, view_drawer
from keras_simmim.evaluation.periodic_callback import PeriodicCallback
from keras_simmim.evaluation.rankme import rankme
from keras_simmim.evaluation.uniformity import uniformity
from keras_simmim.views.check_images import check_images


class SpaceCallback(PeriodicCallback):
    """Measures without labels how the features fill their space while a method trains.

    Writes `alignment`, `uniformity` and `rankme` of the encoder's features into the logs of the
    first epoch of a `fit`, of every so many, and of the last: of two views of each image, the same
    in all epochs; NaN where features are not finite. As they are of features, they compare methods
    whatever their heads. It trains nothing and changes no state of the training.

    Put it before callbacks that read what it writes; how those of Keras do, `KNNCallback` tells.

    Args:
        images: NumPy `(N, H, W, C)`, 0...255, N >= 2. RankMe can't exceed N.
        every: epochs from one measurement to the next.
        batch_size: images that are embedded at a time, at most all. Several devices see the views
            that one does if their number divides it.
        seed: seed of the views, an integer, 0...2**31 - 1.

    Raises:
        ValueError: for fewer than 2 images, or a number out of its range; when training begins, for
            images that are not 0...255.
    """

    names = ("alignment", "uniformity", "rankme")

    def __init__(self, images: np.ndarray, every: int = 1, batch_size: int = 512, seed: int = 0):
        super().__init__(every)
        self.batch_size = check_integer("batch_size", batch_size)
        self.seed = check_seed("seed", seed)
        if len(images) < 2:
            raise ValueError(
                f"At least 2 images are needed to tell how they spread. Received: {len(images)}"
            )
        self.images = images

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        check_images(self.images)
        draw_view = view_drawer(self.model, 2, None)
        size = multiple_of_devices(min(self.batch_size, len(self.images)))
        self._views = ([], [])
        for start in range(0, len(self.images), size):
            batch = self.images[start : start + size]
            # Filled up, so that it compiles once.
            full = np.resize(batch, (size, *batch.shape[1:]))
            seeds = np.random.SeedSequence([self.seed, start]).generate_state(2)
            for views, seed in zip(self._views, seeds, strict=True):
                views.append(draw_view(full, seed)[: len(batch)])

    def look(self):
        return self.measure()

    def measure(self) -> dict[str, float]:
        """Returns alignment, uniformity and RankMe of the model's features as they are."""
        first, second = (
            embed(self.model, np.concatenate(views), self.batch_size) for views in self._views
        )
        if not (np.isfinite(first).all() and np.isfinite(second).all()):
            return dict.fromkeys(self.names, float("nan"))
        return {
            "alignment": alignment(np.stack([first, second], axis=1)),
            "uniformity": uniformity(first),
            "rankme": rankme(first),
        }
