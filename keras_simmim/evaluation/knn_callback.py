import numpy as np

from keras_simmim._numbers import check_integer, check_number
from keras_simmim.evaluation.check_features import check_labels, check_rows
from keras_simmim.evaluation.check_input import check_input
from keras_simmim.evaluation.model_knn import model_knn
from keras_simmim.evaluation.periodic_callback import PeriodicCallback


class KNNCallback(PeriodicCallback):
    """Measures the kNN accuracy of the features while a method trains.

    Writes `knn_accuracy` into the logs of the first epoch of a `fit`, of every so many, and of the
    last; NaN where features are not finite. It trains nothing and changes no state of the training.

    Put it before callbacks that read what it writes. Keras's `EarlyStopping` and
    `ReduceLROnPlateau` with `monitor="knn_accuracy", mode="max"` then count measurements by their
    `patience`, `ModelCheckpoint` with `save_best_only=True` keeps the best measured, and
    `CSVLogger` writes "NA" of the other epochs. With `every` above 1, the former two warn once that
    an epoch has no such value.

    Args:
        train_images: NumPy `(N, H, W, C)`, 0...255: images whose labels vote.
        train_labels: int `(N,)`.
        test_images: NumPy `(M, H, W, C)`: images that are classified.
        test_labels: int `(M,)`.
        every: epochs from one measurement to the next.
        k: neighbours that vote.
        temperature: temperature of the votes.
        batch_size: images that are embedded at a time.

    Raises:
        ValueError: for no images, labels that are not an integer for each image, or a number out of
            its range; when training begins, for images that the method does not take.
    """

    names = ("knn_accuracy",)

    def __init__(
        self,
        train_images: np.ndarray,
        train_labels: np.ndarray,
        test_images: np.ndarray,
        test_labels: np.ndarray,
        every: int = 1,
        k: int = 200,
        temperature: float = 0.1,
        batch_size: int = 512,
    ):
        super().__init__(every)
        self.k = check_integer("k", k)
        self.temperature = check_number("temperature", temperature, above=0)
        self.batch_size = check_integer("batch_size", batch_size)
        check_rows(train_images, test_images, of="images")
        self.train_images = train_images
        self.test_images = test_images
        self.train_labels = check_labels(
            "train_labels", train_labels, len(train_images), of="images"
        )
        self.test_labels = check_labels("test_labels", test_labels, len(test_images), of="images")

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        for images in (self.train_images, self.test_images):
            check_input(self.model, images)

    def look(self):
        return {"knn_accuracy": self.measure()}

    def measure(self) -> float:
        """Returns the kNN accuracy of the model as it is, 0...1."""
        return model_knn(
            self.model,
            (self.train_images, self.train_labels, self.test_images, self.test_labels),
            self.batch_size,
            k=self.k,
            temperature=self.temperature,
        )
