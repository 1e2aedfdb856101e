import torch
import torch.distributed as dist
from keras.src import tree
from keras.src.trainers.data_adapters.data_adapter_utils import unpack_x_y_sample_weight
from torch.nn.parallel import DistributedDataParallel

from keras_simmim.backend.torch.replicas import replica_count


class TrainStepMixin:
    """Adds to `keras.Model` a hook that runs inside the train step, after the weights' update.

    With several processes the loss is computed within `DistributedDataParallel`, which takes the
    mean of the gradients.
    """

    def make_train_function(self, force=False):
        if replica_count() > 1 and (force or self.train_function is None):
            with torch.no_grad():
                for variable in (*self.variables, *self.optimizer.variables):
                    dist.broadcast(variable.value, 0)
            loss = _Loss(self)
            devices = [torch.cuda.current_device()] if torch.cuda.is_available() else None
            # In a list, so that torch does not take it for a part of the model.
            self._parallel_loss = [DistributedDataParallel(loss, device_ids=devices)]
        super().make_train_function(force)

    def train_step(self, data):
        logs = super().train_step(data) if replica_count() == 1 else self._parallel_step(data)
        with torch.no_grad():
            self.after_train_step()
        return logs

    def _parallel_step(self, data):
        """Keras's own step, with the loss in one module."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        self.zero_grad()
        loss = self._parallel_loss[0](x, y, sample_weight)
        images = len(tree.flatten(x)[0])
        self._loss_tracker.update_state(loss, sample_weight=images)
        self.optimizer.scale_loss(loss).backward()
        variables = self.trainable_weights[:]
        self._check_gradients(variables)
        with torch.no_grad():
            self.optimizer.apply([variable.value.grad for variable in variables], variables)
        return self.compute_metrics(x, y, None, sample_weight=sample_weight)

    def _check_gradients(self, variables):
        """What `DistributedDataParallel` would say in the next step, at length."""
        missing = [variable.path for variable in variables if variable.value.grad is None]
        if missing:
            raise ValueError(
                "On several devices torch wants a gradient of every trainable weight, and the loss "
                "does not depend on some: set `trainable = False` on their layers, or leave them "
                f"out of the encoder. Received: {', '.join(missing[:5])}"
                + (", ..." if len(missing) > 5 else "")
            )


class _Loss(torch.nn.Module):
    """The loss of a model as a module, which is what `DistributedDataParallel` takes."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x, y, sample_weight):
        return self.model._compute_loss(
            x=x,
            y=y,
            y_pred=self.model(x, training=True),
            sample_weight=sample_weight,
            training=True,
        )
