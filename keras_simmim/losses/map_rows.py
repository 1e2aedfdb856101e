from keras import ops

from keras_simmim.backend import map_tiles

# Similarities of a tile: 4 MB, which stay in a processor's cache.
_SIMILARITIES = 2**20


def tile_rows(angles, columns):
    """Rows of a tile; a tensor where the number of columns is one."""
    if isinstance(columns, int):
        return max(16, _SIMILARITIES // (angles * columns))
    return ops.maximum(16, _SIMILARITIES // (angles * columns))


def map_rows(function, columns, rows, row_images, *parts):
    """Applies a function to tiles of rows and joins the results.

    With a function that compares its rows with all embeddings of a batch, the memory needed grows
    linearly with the batch, not with its square.

    Args:
        function: from a tile of each of the next arguments to `(A, tile, ...)`; a row's result
            must not depend on the tile's other rows.
        columns: number of embeddings that each row is compared with.
        rows: `(A, N, D)`.
        row_images: integers `(N,)`.
        *parts: `(A, N)` each.

    Returns:
        `(A, N, ...)`.
    """
    angles, count = ops.shape(rows)[:2]
    tile = tile_rows(angles, columns)
    if isinstance(count, int) and isinstance(tile, int) and count <= tile:
        return function(rows, row_images, *parts)
    tiles = -(-count // tile)
    padding = [0, tiles * tile - count]

    def cut(x, axis):
        shape = ops.shape(x)  # padding may lose the static one
        x = ops.pad(x, [padding if i == axis else [0, 0] for i in range(len(shape))])
        x = ops.reshape(x, (*shape[:axis], tiles, tile, *shape[axis + 1 :]))
        return x if axis == 0 else ops.transpose(x, (1, 0, *range(2, len(x.shape))))

    pieces = (cut(rows, 1), cut(row_images, 0), *(cut(part, 1) for part in parts))
    results = map_tiles(function, pieces)  # (tiles, A, tile, ...)
    results = ops.transpose(results, (1, 0, *range(2, len(results.shape))))
    return ops.reshape(results, (angles, tiles * tile, *results.shape[3:]))[:, :count]
