import dataclasses


@dataclasses.dataclass
class TrainingState:
    """Where a training is, besides the weights.

    Attributes:
        step: steps that are done, over all epochs.
        metrics: values of the metrics' variables, in the middle of an epoch; None at its end.
        minutes: wall time of the run so far.
        accuracy: kNN accuracy, 0...1, where it was measured.
    """

    step: int = 0
    metrics: list | None = None
    minutes: float = 0.0
    accuracy: float | None = None
