import jax
import keras

from keras_simmim.backend.jax.replicas import data_part, device_count, process_count
from keras_simmim.backend.part_of_batch import part_of_batch


def predict_on_batch(model, batch):
    """What `model.predict_on_batch` gives, computed on all devices.

    Args:
        model: `keras.Model`.
        batch: NumPy array, its length a multiple of the devices.
    """
    if isinstance(model, keras.Sequential) and not model.built:
        model.build(batch.shape)  # else Keras does it by running the model, operation by operation
    distribution = keras.distribution.distribution()
    if distribution is None:
        return model.predict_on_batch(batch)
    if process_count() > 1:
        _share_outputs(model, distribution)
    layout = distribution.get_data_layout(batch.shape).backend_layout
    own = batch[part_of_batch(len(batch), device_count(), data_part())]
    return model.predict_on_batch(jax.make_array_from_process_local_data(layout, own))


def _share_outputs(model, distribution):
    """Makes a model's `predict` leave all outputs on every process, where it reads them."""
    if "predict_step" in vars(model):
        return
    predict_step = model.predict_step
    everywhere = jax.sharding.NamedSharding(
        distribution.device_mesh.backend_mesh, jax.sharding.PartitionSpec()
    )

    def shared_step(state, data):
        outputs, non_trainable = predict_step(state, data)
        return jax.lax.with_sharding_constraint(outputs, everywhere), non_trainable

    vars(model)["predict_step"] = shared_step
    model.predict_function = None
