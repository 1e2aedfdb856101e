import keras


class TrainStepMixin:
    """Adds to `keras.Model` a hook that runs inside the train step, after the weights' update."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        trainable, non_trainable, optimizer, metrics = state
        # The step is a pure function: the hook reads the new values and assigns in this scope.
        mapping = [
            *zip(self.trainable_variables, trainable, strict=True),
            *zip(self.non_trainable_variables, non_trainable, strict=True),
            *zip(self.optimizer.variables, optimizer, strict=True),
            *zip(self.metrics_variables, metrics, strict=True),
        ]
        with keras.StatelessScope(state_mapping=mapping) as scope:
            self.after_train_step()
        groups = (
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        )
        state = tuple([scope.get_current_value(v) for v in group] for group in groups)
        return logs, state
