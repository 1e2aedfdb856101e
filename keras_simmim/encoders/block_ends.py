"""Where the blocks of a functional model end."""

from keras_simmim.encoders.trace import Call


def block_ends(calls: list[Call]) -> list[Call]:
    """The calls that blocks end with, of those of `trace`.

    A block ends with a call whose output is all that the rest of the model sees (so inside of a
    residual block there is none) and where the model branches, goes on with a layer that has a
    kernel, or ends. Each block has a kernel.

    In a ResNet these are the stem and each block's last activation, in a plain stack of
    convolutions what comes last before the next convolution: its norm, activation or pooling.
    """
    consumers: dict[int, list[int]] = {}
    for index, call in enumerate(calls):
        for tensor in {id(tensor) for tensor in call.inputs}:
            consumers.setdefault(tensor, []).append(index)
    ends = []
    reach = 0  # the last call that an output or the images themselves, so far, go to
    has_kernel = False
    for index, call in enumerate(calls):
        has_kernel = has_kernel or _has_kernel(call)
        last = index + 1 == len(calls)
        following = [i for tensor in call.outputs for i in consumers.get(id(tensor), [])]
        reach = max([reach, *(consumers[id(tensor)][-1] for tensor in call.inputs)])
        if reach <= index and has_kernel:
            if last or len(following) > 1 or _has_kernel(calls[following[0]]):
                ends.append(call)
                has_kernel = False
        reach = max([reach, *following])
    return ends


def _has_kernel(call):
    return any(len(weight.shape) > 1 for weight in getattr(call.operation, "weights", []))
