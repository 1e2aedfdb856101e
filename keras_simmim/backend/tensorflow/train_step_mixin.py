class TrainStepMixin:
    """Adds to `keras.Model` a hook that runs inside the train step, after the weights' update."""

    def train_step(self, data):
        logs = super().train_step(data)
        self.after_train_step()
        return logs
