import tensorflow as tf


def predict_on_batch(model, batch):
    """What `model.predict_on_batch` gives, computed on all devices.

    Args:
        model: `keras.Model`.
        batch: NumPy array, its length a multiple of the devices.
    """
    model.make_predict_function()
    # TensorFlow takes the predict functions of all models for one that is traced again and again:
    # they share Keras's code.
    model.predict_function._omit_frequent_tracing_warning = True
    strategy = model.distribute_strategy
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return model.predict_on_batch(batch)
    size = len(batch) // replicas

    def part(context):
        replica = context.replica_id_in_sync_group
        return tf.constant(batch[replica * size : (replica + 1) * size])

    parts = strategy.experimental_distribute_values_from_function(part)
    return model.predict_function([(parts,)]).numpy()
