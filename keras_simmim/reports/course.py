import math
from collections.abc import Callable
from typing import NamedTuple


class Look(NamedTuple):
    """What was measured in an epoch, from 1 on."""

    epoch: int
    value: float


class Course:
    """One curve of a run's history, and how much of a change in it means something.

    Args:
        title: what was measured, as a sentence begins with it.
        values: a value for each epoch, not finite in epochs without a measurement.
        rises: whether more is better.
        show: how a value is written.
        steps: what counts as no gain, as a gain and as a loss; None: parts of what the curve spans.
    """

    def __init__(
        self,
        title: str,
        values: list[float],
        rises: bool,
        show: Callable[[float], str],
        steps: tuple[float, float, float] | None = None,
    ):
        self.title = title
        self.epochs = len(values)
        self.looks = [Look(epoch, x) for epoch, x in enumerate(values, 1) if math.isfinite(x)]
        self.show = show
        self._rises = rises
        self.steps = steps or self._steps()

    def _steps(self):
        if not self.looks:
            return 0.0, 0.0, 0.0
        ordered = sorted(look.value for look in self.looks)
        # Without the ends: one wild epoch would make all others look alike.
        cut = min(max(1, len(ordered) // 10), (len(ordered) - 1) // 2)
        span = ordered[-1 - cut] - ordered[cut]
        # Less than that doesn't show in the numbers that are written.
        least = 0.005 * max(abs(self.now.value), abs(ordered[len(ordered) // 2]))
        return max(0.03 * span, least), max(0.1 * span, least), max(0.05 * span, least)

    @property
    def now(self) -> Look:
        """The last measurement."""
        return self.looks[-1]

    @property
    def best(self) -> Look:
        """The best measurement, of equal ones the first."""
        return self.best_of(self.looks)

    def best_of(self, looks: list[Look]) -> Look:
        """Returns the best of some measurements, of equal ones the first."""
        return max(looks, key=lambda look: look.value if self._rises else -look.value)

    def gain(self, earlier: Look, later: Look | None = None) -> float:
        """Returns how much better a measurement, or the last, is than an earlier one."""
        change = (later or self.now).value - earlier.value
        return change if self._rises else -change

    def at(self, epoch: float) -> Look:
        """Returns the measurement nearest to an epoch, but not the last."""
        return min(self.looks[:-1], key=lambda look: abs(look.epoch - epoch))

    def tells(self, least: int) -> bool:
        """Whether there are so many measurements, the first early on and the last near the end."""
        late = 2 / 3 * self.epochs
        return len(self.looks) >= least and self.looks[0].epoch <= late < self.now.epoch

    def change(self, earlier: Look) -> str:
        """Returns a sentence on what a measurement was and the last one is."""
        return (
            f"{self.title} went from {self.show(earlier.value)} in epoch {earlier.epoch} to "
            f"{self.show(self.now.value)} in epoch {self.now.epoch}."
        )
