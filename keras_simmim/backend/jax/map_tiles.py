from keras import ops


def map_tiles(function, tiles):
    """Applies a function to each tile, without a gradient, and stacks the results.

    Args:
        function: from one element of each of the tiles to a tensor.
        tiles: tuple of tensors `(tiles, ...)`.

    Returns:
        Tensor `(tiles, ...)`.
    """
    return ops.map(lambda tile: function(*tile), tiles)
