"""Multiplications of a forward pass of one view of 32 px, in the encoders of the benchmarks."""


def resnet18_products(width, stem_stride):
    """Of the convolutions; `stem_stride` is 1 for the stem "3x3", 2 for "3x3/2"."""
    side, channels = 32 // stem_stride, width
    total = 27 * width * side**2
    for stage in range(4):
        filters, side = width * 2**stage, side // (2 if stage else 1)
        total += side**2 * 9 * filters * (channels + 3 * filters)
        total += side**2 * channels * filters if filters != channels else 0
        channels = filters
    return total


def vit_products(tokens=64, width=192, depth=6):
    """Of the dense layers and the attention."""
    of_a_block = 12 * width**2 + 2 * tokens * width
    return tokens * (48 * width + depth * of_a_block)
