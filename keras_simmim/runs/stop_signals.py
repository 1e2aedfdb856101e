import signal
import threading
import time


class StopSignals:
    """Notes SIGTERM and Ctrl-C within its context, so that the step that runs is finished.

    A second one, a second later or more, interrupts at once. In another thread than the main one,
    where Python takes no signals, nothing is noted.

    Attributes:
        received: number of the first signal; None before.
    """

    def __init__(self):
        self.received: int | None = None
        self._time = 0.0
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception):
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _note(self, number, frame):
        if self.received is None:
            self.received, self._time = number, time.monotonic()
        elif time.monotonic() - self._time > 1.0:
            # Sooner, it is the same one: a launcher passes on what a terminal sends to all.
            raise KeyboardInterrupt
