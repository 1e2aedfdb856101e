class NotFinite(Exception):
    """The loss of some steps in a row was not finite.

    Attributes:
        step: global step of the first one, 0 the first of the training.
        count: how many they were.
    """

    def __init__(self, step: int, count: int):
        super().__init__(f"The loss of {count} steps was not finite, from step {step + 1} on.")
        self.step = step
        self.count = count
