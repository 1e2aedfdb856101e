import tensorflow as tf


def run_export(path, images):
    """What a file that this backend alone can run makes of images, `(N, ...)` float32.

    Args:
        path: what `write_export` wrote in a format that has no runtime of its own.
        images: `(N, H, W, C)` uint8.
    """
    loaded = tf.saved_model.load(str(path))  # its function needs it to stay
    return loaded.serve(tf.constant(images)).numpy()
