from keras import ops

# Rows that exist at a time, all angles together.
TILE = 256


def map_rows(function, rows, row_images, *parts):
    """Applies a function to tiles of rows and joins the results.

    With a function that compares its rows with all embeddings of a batch, the memory needed grows
    linearly with the batch, not with its square.

    Args:
        function: from a tile of each of the next arguments to `(A, tile, ...)`; a row's result
            must not depend on the tile's other rows.
        rows: `(A, N, D)`.
        row_images: integers `(N,)`.
        *parts: `(A, N)` each.

    Returns:
        `(A, N, ...)`.
    """
    tile = max(1, TILE // rows.shape[0])
    count = rows.shape[1]
    if count is not None and count <= tile:
        return function(rows, row_images, *parts)
    angles = rows.shape[0]
    count = ops.shape(rows)[1]
    tiles = -(-count // tile)
    padding = [0, tiles * tile - count]

    def cut(x, axis):
        shape = ops.shape(x)  # padding may lose the static one
        x = ops.pad(x, [padding if i == axis else [0, 0] for i in range(len(shape))])
        x = ops.reshape(x, (*shape[:axis], tiles, tile, *shape[axis + 1 :]))
        return x if axis == 0 else ops.transpose(x, (1, 0, *range(2, len(x.shape))))

    pieces = (cut(rows, 1), cut(row_images, 0), *(cut(part, 1) for part in parts))
    results = ops.map(lambda piece: function(*piece), pieces)  # (tiles, A, tile, ...)
    results = ops.transpose(results, (1, 0, *range(2, len(results.shape))))
    return ops.reshape(results, (angles, tiles * tile, *results.shape[3:]))[:, :count]
