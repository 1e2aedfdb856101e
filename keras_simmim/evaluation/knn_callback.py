import keras
import numpy as np

from keras_simmim._numbers import check_integer, check_number
from keras_simmim.evaluation.check_features import check_labels
from keras_simmim.evaluation.check_input import check_input
from keras_simmim.evaluation.model_knn import model_knn


class KNNCallback(keras.callbacks.Callback):
    """Measures the kNN accuracy of the features while a method trains.

    Writes `knn_accuracy` into the logs of an epoch: put it before callbacks that read it there,
    such as `CSVLogger`. In epochs without a measurement, or with features that are not finite, it
    is NaN, so that every epoch has an entry. It trains nothing and changes no state of the
    training.

    Args:
        train_images: NumPy `(N, H, W, C)`, 0...255: images whose labels vote.
        train_labels: int `(N,)`.
        test_images: NumPy `(M, H, W, C)`: images that are classified.
        test_labels: int `(M,)`.
        every: epochs from one measurement to the next; the last epoch is measured too.
        k: neighbours that vote.
        temperature: temperature of the votes.
        batch_size: images that are embedded at a time.

    Raises:
        ValueError: for labels that are not an integer for each image, or a number out of its range;
            when training begins, for images that the method does not take.
    """

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
        super().__init__()
        self.every = check_integer("every", every)
        self.k = check_integer("k", k)
        self.temperature = check_number("temperature", temperature, above=0)
        self.batch_size = check_integer("batch_size", batch_size)
        self.train_images = train_images
        self.test_images = test_images
        self.train_labels = check_labels(
            "train_labels", train_labels, len(train_images), of="images"
        )
        self.test_labels = check_labels("test_labels", test_labels, len(test_images), of="images")

    def on_train_begin(self, logs=None):
        for images in (self.train_images, self.test_images):
            check_input(self.model, images)

    def on_epoch_end(self, epoch, logs=None):
        last = epoch + 1 == self.params.get("epochs") or self.model.stop_training
        due = last or (epoch + 1) % self.every == 0
        if logs is not None:
            logs["knn_accuracy"] = self.measure() if due else float("nan")

    def measure(self) -> float:
        """Returns the kNN accuracy of the model as it is, 0...1."""
        return model_knn(
            self.model,
            (self.train_images, self.train_labels, self.test_images, self.test_labels),
            self.batch_size,
            k=self.k,
            temperature=self.temperature,
        )
