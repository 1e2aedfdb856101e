import math
import warnings

import keras

from keras_simmim._numbers import check_integer, check_number


class CollapseCallback(keras.callbacks.Callback):
    """Says, in words that tell what to change, that embeddings collapse.

    Embeddings have collapsed when all images get nearly the same, and then nothing more is learned,
    while the loss may look good. Their standard deviation over the batch tells, which the methods
    log for each epoch: it is near 1 / sqrt(D) for unit vectors that spread evenly over D
    dimensions, and 0 for collapsed ones. Warns once, and again only if they recover and collapse
    again.

    Args:
        threshold: part of 1 / sqrt(D), 0...1, below which embeddings count as collapsed.
        patience: epochs in a row below the threshold before anything is said.
        metric: name in the logs of the standard deviation; of validation, `"val_embedding_std"`.
        embedding_dim: D; None: that of the model's head.
        stop: whether to stop training too.

    Raises:
        ValueError: for an argument out of its range; when training starts, for a model whose head
            does not say its `embedding_dim`; after the first epoch, for logs without the metric.

    Reference:
        Chen and He 2021, "Exploring Simple Siamese Representation Learning" (arXiv 2011.10566),
        section 4.1.
    """

    def __init__(
        self,
        threshold: float = 0.2,
        patience: int = 1,
        metric: str = "embedding_std",
        embedding_dim: int | None = None,
        stop: bool = False,
    ):
        super().__init__()
        self.threshold = check_number("threshold", threshold, above=0, below=1)
        self.patience = check_integer("patience", patience)
        self.metric = metric
        self.embedding_dim = check_integer("embedding_dim", embedding_dim, optional=True)
        self.stop = stop

    def on_train_begin(self, logs=None):
        self._epochs_below = 0
        dim = self.embedding_dim
        if dim is None:
            dim = getattr(getattr(self.model, "head", None), "embedding_dim", None)
        if dim is None:
            raise ValueError(
                "The dimensions of the embeddings are not known from the model's head: give "
                f"CollapseCallback `embedding_dim`. Received: {type(self.model).__name__}"
            )
        self._evenly_spread = 1 / math.sqrt(dim)

    def on_epoch_end(self, epoch, logs=None):
        if self.metric not in (logs or {}):
            raise ValueError(
                f"There is no {self.metric!r} in the logs of the epoch to tell collapse by: give "
                "CollapseCallback the name of a metric that is. "
                f"Received: {', '.join(sorted(logs or {}))}"
            )
        std = float(logs[self.metric])
        below = std < self.threshold * self._evenly_spread
        self._epochs_below = self._epochs_below + 1 if below else 0
        if self._epochs_below == self.patience:
            warnings.warn(self._message(epoch, std), stacklevel=2)
        if self._epochs_below >= self.patience and self.stop:
            self.model.stop_training = True

    def _message(self, epoch, std):
        advice = "\n".join(f"- {line}" for line in _advice(self.model))
        return (
            f"Embeddings collapse: all images get nearly the same. After epoch {epoch + 1} "
            f"{self.metric} is {std:.2g}, {std / self._evenly_spread:.1%} of the "
            f"{self._evenly_spread:.2g} of evenly spread ones. "
            f"{'Training stops. ' if self.stop else ''}What to change:\n{advice}"
        )


def _advice(model):
    """What to change, by what the model has: a predictor, a temperature, an invariance."""
    loss = getattr(model, "embedding_loss", None)
    yield (
        f"Lower the learning rate, now {_learning_rate(model):.2g}, or let it rise slowly from 0 "
        "over the first epochs (`warmup_steps` of `keras.optimizers.schedules.CosineDecay`)."
    )
    if hasattr(model, "prediction_head"):
        yield (
            "Only the predictor and the target that gets no gradient keep this method from "
            "collapse: train the predictor, with batch norm in it and in the head, and set the "
            f"target's momentum nearer to 1, now {getattr(model, 'momentum', 'unknown')}."
        )
    if hasattr(loss, "temperature"):
        yield (
            f"Lower the temperature of the loss, now {loss.temperature}: the lower, the harder it "
            "pushes similar images apart."
        )
        yield "Make the batch larger, or the queue: more other images to be told apart from."
    if hasattr(loss, "invariance"):
        yield (
            f"Lower `invariance`, now {loss.invariance}: the weight of what pulls views together "
            "against what spreads them."
        )
    yield (
        "Check that the images differ and have pixel values of 0...255: of 0...1, all of them look "
        "black."
    )


def _learning_rate(model):
    return float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
