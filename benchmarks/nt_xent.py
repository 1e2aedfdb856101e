"""NT-Xent, loss and gradient: extra peak memory and time as the batch grows, beside lightly's.

    python benchmarks/nt_xent.py --peer-python PEER/bin/python

Embeddings of 128 dimensions, 2 views, one angle, temperature 0.5. Ours is compiled as in training:
XLA under JAX, a graph under TensorFlow, which Keras gives to XLA on a GPU only, eager under torch.
The peer, lightly's `NTXentLoss`, holds the whole matrix of similarities, and takes part up to
--peer-pairs. All use one thread per core.

Extra MB: each size has fresh processes. After a call with 256 pairs, which loads and compiles the
same code, the embeddings are made and the high-water mark of the resident memory is set back
(/proc/self/clear_refs, Linux). Extra is the mark (`ru_maxrss`) after the first call of the size
less the mark before it: the gradient and all temporaries, the compiler's share, not the embeddings.

Time: after that call rivals alternate; seconds are medians, the ratio is the median of the rounds'
ratios. Takes about half an hour on 2 cores, most of it for 32,768 pairs.
"""

import argparse
import os
import sys
import time

import contest

BACKENDS = ("tensorflow", "jax", "torch")
DIM = 128
TEMPERATURE = 0.5
WARM_UP_PAIRS = 256


def rival(options):
    """Measures the memory of one call, then serves timed calls."""
    import numpy as np

    convert, call = RIVALS[options.rival]()

    def embeddings(pairs):
        rng = np.random.default_rng(0)
        return convert(rng.standard_normal((pairs, 2, 1, DIM), dtype="float32"))

    call(embeddings(WARM_UP_PAIRS))
    x = embeddings(options.pairs[0])
    before = contest.reset_peak()
    loss = call(x)
    extra = contest.peak() - before

    def block():
        start = time.perf_counter()
        call(x)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "extra": extra, "loss": loss}

    contest.serve(block)


def on_tensorflow():
    import tensorflow as tf

    loss = ours()

    @tf.function(jit_compile=bool(tf.config.list_physical_devices("GPU")))
    def compiled(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x)
        return value, tape.gradient(value, x)

    return tf.constant, lambda x: float(compiled(x)[0])


def on_jax():
    import jax

    compiled = jax.jit(jax.value_and_grad(ours()))
    return jax.numpy.asarray, lambda x: float(jax.block_until_ready(compiled(x))[0])


def lightly():
    import torchvision_fix  # noqa: F401
    from lightly.loss import NTXentLoss

    loss = NTXentLoss(TEMPERATURE)
    return on_torch(lambda x: loss(x[:, 0, 0], x[:, 1, 0]))


def on_torch(loss=None):
    import torch

    loss = loss or ours()

    torch.set_num_threads(len(os.sched_getaffinity(0)))

    def call(x):
        x = x.detach().requires_grad_()
        value = loss(x)
        value.backward()
        return value.item()

    return torch.as_tensor, call


def ours():
    import keras_simmim as ks

    return ks.losses.NTXent(TEMPERATURE)


RIVALS = {"tensorflow": on_tensorflow, "jax": on_jax, "torch": on_torch, "lightly": lightly}


def measure(pairs, options):
    """Prints the rows of a size."""

    def start(name, python, environment=None):
        command = [python, __file__, "--rival", name, "--pairs", pairs]
        return contest.Rival(name, command, environment or {})

    rivals = [start(name, sys.executable, {"KERAS_BACKEND": name}) for name in options.backends]
    with_peer = options.peer_python is not None and pairs <= options.peer_pairs
    if with_peer:
        rivals.append(start("lightly", options.peer_python))
    results = contest.contest(rivals, options.rounds)
    seconds, extra = contest.medians(results, "seconds"), contest.medians(results, "extra")
    losses = contest.medians(results, "loss").values()
    if max(losses) - min(losses) > 1e-3:
        raise SystemExit(f"The rivals' losses differ: {contest.medians(results, 'loss')}")
    for name in results:
        shares = "- | -"
        if with_peer:
            times = contest.ratio(results, "seconds", name, "lightly")
            shares = f"{times:.2f} | {extra[name] / extra['lightly']:.1%}"
        print(f"| {pairs:,} | {name} | {extra[name]:,.0f} | {seconds[name]:.3f} | {shares} |")
    sys.stdout.flush()


def compare(options):
    print("| pairs | rival | extra MB | seconds | time / lightly's | memory of lightly's |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for pairs in options.pairs:
        measure(pairs, options)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, nargs="+", default=[1024, 4096, 8192, 32768])
    parser.add_argument("--peer-python", help="Python that has lightly; without it no peer runs")
    parser.add_argument("--peer-pairs", type=int, default=8192, help="largest size for the peer")
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=5)
    contest.run(parser, rival, compare)


if __name__ == "__main__":
    main()
