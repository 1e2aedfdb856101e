class Stopped(Exception):
    """Training was ended by a signal, after a checkpoint.

    Attributes:
        signal: the signal's number.
    """

    def __init__(self, message: str, signal: int):
        super().__init__(message)
        self.signal = signal
