from keras import ops

from keras_simmim.losses.map_rows import map_rows


def log_negatives(anchors, keys, num_views: int, temperature: float, first_image=0):
    """How close the views of all other images are to each anchor: log sum exp(cosine / T).

    Similarities are made tile by tile and again for the gradient, so the memory needed grows
    linearly with the number of embeddings; the result is exact.

    Args:
        anchors: unit vectors `(A, M, D)` float32, A angles, the views of an image in a row.
        keys: unit vectors `(A, K, D)` float32 likewise, the anchors among them. The very tensor
            of the anchors saves a quarter of the work.
        num_views: views of an image.
        temperature: what cosines are divided by.
        first_image: which image of the keys is the anchors' first one.

    Returns:
        `(A, M)` float32; without other images a large negative number.
    """
    anchor_images = first_image + ops.arange(ops.shape(anchors)[1]) // num_views
    key_images = ops.arange(ops.shape(keys)[1]) // num_views

    def similarities(rows, row_images, columns, column_images):
        s = ops.matmul(rows, ops.transpose(columns, (0, 2, 1))) / temperature
        # Finite, so that an anchor without others gives no NaN.
        return ops.where(row_images[:, None] == column_images, -1e9, s)

    def forward(anchors, keys):
        def rows_of(rows, row_images):
            return ops.logsumexp(similarities(rows, row_images, keys, key_images), axis=-1)

        return map_rows(rows_of, ops.shape(keys)[1], anchors, anchor_images)

    def pull(rows, row_images, columns, column_images, row_parts=(), column_parts=()):
        """Gradient for `rows`, where either side or both are anchors: parts (slope, log sum)."""

        def of_tile(rows, row_images, *row_parts):
            s = similarities(rows, row_images, columns, column_images)
            weights = 0.0
            if row_parts:
                slope, log_sum = row_parts
                weights += slope[..., None] * ops.exp(s - log_sum[..., None])
            if column_parts:
                slope, log_sum = column_parts
                weights += slope[:, None] * ops.exp(s - log_sum[:, None])
            return ops.matmul(weights, columns) / temperature

        return map_rows(of_tile, ops.shape(columns)[1], rows, row_images, *row_parts)

    @ops.custom_gradient
    def log_sums(anchors, *keys):
        log_sum = forward(anchors, *(keys or (anchors,)))

        # torch names what TensorFlow and JAX give by position.
        def gradient(*args, upstream=None):
            parts = (args[0] if upstream is None else upstream, log_sum)
            if not keys:
                # As a row and as a column at once: similarities are symmetric.
                return pull(anchors, anchor_images, anchors, key_images, parts, parts)
            return (
                pull(anchors, anchor_images, *keys, key_images, row_parts=parts),
                pull(*keys, key_images, anchors, anchor_images, column_parts=parts),
            )

        return log_sum, gradient

    return log_sums(anchors) if keys is anchors else log_sums(anchors, keys)
