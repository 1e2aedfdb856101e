"""ResNet-18's training step in plain TensorFlow and plain JAX: rivals of `train_step.py`.

Both compute in the precision asked for; weights, batch statistics and loss are float32.
"""

import numpy as np


def conv_shapes(width):
    """Shapes of the convolutions' kernels in the order in which `resnet` uses them."""
    shapes, channels = [(3, 3, 3, width)], width
    for stage in range(4):
        filters = width * 2**stage
        if stage:
            shapes.append((1, 1, channels, filters))
        shapes += [(3, 3, channels, filters)] + [(3, 3, filters, filters)] * 3
        channels = filters
    return shapes


def initial_weights(width):
    """`[(kernel, gamma, beta), ..., (kernel, bias)]` and `[(moving mean, variance), ...]`."""
    rng = np.random.default_rng(0)
    weights, moving = [], []
    for shape in conv_shapes(width):
        kernel = rng.normal(scale=(2 / np.prod(shape[:3])) ** 0.5, size=shape).astype("float32")
        zeros, ones = np.zeros(shape[-1], "float32"), np.ones(shape[-1], "float32")
        weights.append((kernel, ones, zeros))
        moving.append((zeros, ones))
    kernel = rng.normal(scale=(8 * width) ** -0.5, size=(8 * width, 128)).astype("float32")
    weights.append((kernel, np.zeros(128, "float32")))
    return weights, moving


def resnet(x, conv, relu, stem_stride):
    """Images to a feature map; `conv(x, stride)` is the next convolution with its batch norm."""
    x = relu(conv(x, stem_stride))
    for stage in range(4):
        for block in range(2):
            stride = 2 if stage and not block else 1
            shortcut = conv(x, stride) if stride == 2 else x
            y = relu(conv(x, stride))
            x = relu(conv(y, 1) + shortcut)
    return x


def count(weights, moving):
    return sum(x.size for layer in weights + moving for x in layer)


def tensorflow_step(variant, precision, images, targets, width, stem_stride):
    """A function that makes a step and returns the loss, and the number of its parameters."""
    import tensorflow as tf

    arrays = initial_weights(width)
    weights, moving = tf.nest.map_structure(tf.Variable, arrays)
    velocities = tf.nest.map_structure(lambda x: tf.Variable(tf.zeros_like(x)), weights)
    images, targets = tf.constant(images), tf.constant(targets)

    def loss_of():
        layers = iter(zip(weights, moving, strict=False))  # The last, dense, has nothing moving.

        def conv(x, stride):
            (kernel, gamma, beta), (mean, variance) = next(layers)
            x = tf.nn.conv2d(x, tf.cast(kernel, x.dtype), stride, "SAME")
            x, new_mean, new_variance = tf.compat.v1.nn.fused_batch_norm(
                x, gamma, beta, mean, variance, epsilon=1e-5, exponential_avg_factor=0.1
            )
            mean.assign(new_mean)
            variance.assign(new_variance)
            return x

        x = tf.cast((images - 127.5) / 64, precision)
        x = tf.reduce_mean(resnet(x, conv, tf.nn.relu, stem_stride), (1, 2))
        kernel, bias = (tf.cast(w, precision) for w in weights[-1])
        return tf.reduce_mean((tf.cast(x @ kernel + bias, "float32") - targets) ** 2)

    @tf.function(jit_compile=variant == "XLA")
    def step():
        with tf.GradientTape() as tape:
            loss = loss_of()
        gradients = tape.gradient(loss, weights)
        flat = map(tf.nest.flatten, (weights, velocities, gradients))
        for weight, velocity, gradient in zip(*flat, strict=True):
            weight.assign_add(velocity.assign(0.9 * velocity - 0.01 * gradient))
        return loss

    return lambda: float(step()), count(*arrays)


def jax_step(precision, images, targets, width, stem_stride):
    """A function that makes a step and returns the loss, and the number of its parameters."""
    import jax
    import jax.numpy as jnp

    arrays = initial_weights(width)
    weights, moving = jax.tree.map(jnp.array, arrays)
    state = weights, jax.tree.map(jnp.zeros_like, weights), moving
    images, targets = jnp.array(images), jnp.array(targets)

    def loss_of(weights, moving, images, targets):
        layers = iter(zip(weights, moving, strict=False))  # The last, dense, has nothing moving.
        moved = []

        def conv(x, stride):
            (kernel, gamma, beta), statistics = next(layers)
            kernel = kernel.astype(x.dtype)
            x = jax.lax.conv_general_dilated(
                x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
            ).astype("float32")
            mean = x.mean((0, 1, 2))
            variance = ((x - mean) ** 2).mean((0, 1, 2))
            pairs = zip(statistics, (mean, variance), strict=True)
            moved.append(tuple(0.9 * old + 0.1 * new for old, new in pairs))
            x = (x - mean) * (jax.lax.rsqrt(variance + 1e-5) * gamma) + beta
            return x.astype(precision)

        x = ((images - 127.5) / 64).astype(precision)
        x = resnet(x, conv, jax.nn.relu, stem_stride).mean((1, 2))
        kernel, bias = (w.astype(precision) for w in weights[-1])
        return jnp.mean(((x @ kernel + bias).astype("float32") - targets) ** 2), moved

    def update(state, images, targets):
        weights, velocities, moving = state
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, moving), gradients = differentiate(weights, moving, images, targets)
        velocities = jax.tree.map(lambda v, g: 0.9 * v - 0.01 * g, velocities, gradients)
        weights = jax.tree.map(jnp.add, weights, velocities)
        return (weights, velocities, moving), loss

    update = jax.jit(update, donate_argnums=0)

    def step():
        nonlocal state
        state, loss = update(state, images, targets)
        return float(loss)

    return step, count(*arrays)
