import tensorflow as tf
from keras.src.trainers.data_adapters.data_adapter_utils import unpack_x_y_sample_weight

from keras_simmim.backend.tensorflow.replicas import has_workers, replica_count
from keras_simmim.backend.tensorflow.take_reduced_gradients import take_reduced_gradients


class TrainStepMixin:
    """Adds to `keras.Model` a hook that runs inside the train step, after the weights' update.

    With several replicas their gradients are added up first, so that clipping and accumulation see
    those of the whole batch. Where gradients accumulate, one compiled step adds to them and another
    one uses them up.
    """

    _is_update = True

    def train_step(self, data):
        with _after(data):
            logs = super().train_step(data) if replica_count() == 1 else self._replica_step(data)
            self.after_train_step()
            return self._logs(logs)

    def _replica_step(self, data):
        """Keras's own step, but for the sum of the gradients."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._compute_loss(
                x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True
            )
            images = tf.shape(tf.nest.flatten(x)[0])[0]
            self._loss_tracker.update_state(loss * replica_count(), sample_weight=images)
            loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_weights
        gradients = tape.gradient(loss, variables)
        # A weight that the loss does not depend on has none.
        reached = [gradient for gradient in gradients if gradient is not None]
        context = tf.distribute.get_replica_context()
        reduced = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, reached))
        gradients = [None if gradient is None else next(reduced) for gradient in gradients]
        self.optimizer.apply(gradients, variables)
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def test_step(self, data):
        with _after(data):
            return self._logs(super().test_step(data))

    def _logs(self, logs):
        """Logs as Keras 3.15.1 can average them over workers: it needs an axis to do so."""
        if not has_workers(self.distribute_strategy):
            return logs
        return {name: tf.reshape(value, (1,)) for name, value in logs.items()}

    def _maybe_symbolic_build(self, *args, **kwargs):
        # Keras would take a batch to build with: the data would begin anew, and with several
        # workers it fails (keras#20585).
        if not self.built:
            super()._maybe_symbolic_build(*args, **kwargs)

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        if self.distribute_strategy.num_replicas_in_sync > 1:
            with self.distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)
            optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
            take_reduced_gradients(optimizer, lambda: self._is_update)
            if optimizer.gradient_accumulation_steps:
                self.train_function = self._alternating_function(optimizer)
                return
        super().make_train_function(force)

    def _alternating_function(self, optimizer):
        steps = optimizer.gradient_accumulation_steps
        if self.steps_per_execution != 1:
            raise ValueError(
                "With several devices and gradients that accumulate, `steps_per_execution` must "
                f"be 1. Received: {self.steps_per_execution}"
            )
        functions = []
        for _ in range(2):
            super().make_train_function(force=True)
            functions.append(self.train_function)

        def train_function(iterator):
            self._is_update = (int(optimizer._iterations.numpy()) + 1) % steps == 0
            return functions[self._is_update](iterator)

        return train_function


def _after(data):
    """Lets nothing of a step run before its batch is there.

    When data of unknown length ends, TensorFlow begins one step more. What does not depend on the
    batch would run: steps and draws would be counted that nobody has made.
    """
    return tf.control_dependencies([x for x in tf.nest.flatten(data) if x is not None])
