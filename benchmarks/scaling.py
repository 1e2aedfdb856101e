"""What more devices are worth: SimMIM on two replicas here, and on paper on many GPUs.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --on-paper

**Measured** on processor cores: SimMIM with ResNet-18 of width 32, batches of 256, in float32, on
one replica that has one core, and on two that have one each (torch: processes of one thread;
TensorFlow and JAX: virtual devices of one process). Strong scaling keeps the batch of all replicas,
weak scaling that of each. The efficiency is the speed of two by twice the speed of one.

Bytes are those that a torch process hands to its collectives in a step, beside the formula, 4 times

- the trained weights, whose gradients are reduced;
- for the loss b V A D, which are gathered, and n b V A D, whose gradient is reduced, for b images a
  replica, n replicas, V views, A angles, D dimensions; for the two metrics 2 b V A D + b V;
- mean and variance of each channel of each batch norm, gathered; as many sums of gradients,
  reduced; and 1 for the mean of the loss.

**On paper**: a step of SimMIM with ResNet-50 at 224 px, 2 views, 4 angles of 128 dimensions, 64
images a GPU, on H100s: 4.1 G multiplications a view (He et al. 2016, table 1), three times for the
backward pass, at 40 % of 989 TFLOP/s (bfloat16, dense; NVIDIA, H100 data sheet); NVLink with 450
GB/s in each direction among 8 GPUs (same), and 50 GB/s a GPU between them (400 Gbit/s network
adapters; NVIDIA, DGX H100 data sheet). A ring sends (n - 1) / n of what it gathers in all, twice
that of what it reduces. Reducing gradients overlaps with the backward pass; gathering and the
comparisons come on top. The comparisons of NT-Xent in float32, at 40 % of 67 TFLOP/s (same), are
what grows: each GPU compares its embeddings with all. Their full matrix would not fit into 80 GB
from the batch that the last line says; tiles need some MB whatever the batch.
"""

import argparse
import json
import math
import os
import sys
import time

import contest

BATCH = 256
# Of an epoch: a training has many more, and what an epoch begins with is no part of a step.
STEPS = 4


def rival(options):
    import keras
    import numpy as np

    import keras_simmim as ks
    from keras_simmim import backend
    from keras_simmim.runs import RunConfig
    from keras_simmim.runs.build import build_method

    setting = json.loads(options.rival)
    replicas, batch = setting["replicas"], setting["batch"]
    with ks.distribution.data_parallel(replicas):
        images = np.random.default_rng(0).integers(0, 256, (batch, 32, 32, 3), "uint8")
        config = RunConfig(encoder="resnet18", batch_size=batch, width=options.width)
        model = build_method(config, images)
        model.compile(keras.optimizers.Adam(1e-3))
        data = ks.datasets.ArrayBatches(images, batch_size=batch, steps_per_epoch=STEPS)
        moved = _count_bytes(model) if backend.process_count() > 1 else {}
        model.fit(data, epochs=1, shuffle=False, verbose=0)  # compiles

        def block():
            moved.update(dict.fromkeys(moved, 0))
            steps, start, ended = 0, time.perf_counter(), False
            while not ended:
                model.fit(data, epochs=1, shuffle=False, verbose=0)
                steps += STEPS
                ended = time.perf_counter() - start >= options.seconds
                # Of several processes none may go on alone.
                ended = backend.same_on_all(int(ended))
            rate = steps * batch / (time.perf_counter() - start)
            counted = {name: count / steps for name, count in moved.items()}
            return {"rate": rate, **counted, **_formula(model, batch, replicas)}

        if not backend.is_chief():
            while backend.same_on_all(0):
                block()
        elif backend.process_count() == 1:
            contest.serve(block)
        else:
            contest.serve(lambda: backend.same_on_all(1) and block())
            backend.same_on_all(0)


def _count_bytes(model):
    """Counts what torch's collectives are handed, into a dictionary."""
    import torch.distributed as dist
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

    moved = {"gradients": 0, "others": 0}

    def counted(function, position):
        def count(*args, **kwargs):
            moved["others"] += args[position].numel() * args[position].element_size()
            return function(*args, **kwargs)

        return count

    dist.all_gather = counted(dist.all_gather, 1)
    dist.all_reduce = counted(dist.all_reduce, 0)

    def hook(group, bucket):
        size = bucket.buffer().numel() * bucket.buffer().element_size()
        moved["gradients"] += size
        moved["others"] -= size
        return allreduce_hook(group, bucket)

    model.make_train_function()
    model._parallel_loss[0].register_comm_hook(None, hook)
    return moved


def _formula(model, batch, replicas):
    from keras_simmim.encoders import BatchNorm

    rows = batch // replicas * model.view_splitter.num_views
    angles = sum(head.num_heads for head in (model.head, *model.inner_heads.values()))
    embeddings = rows * angles * model.head.embedding_dim
    layers = model._flatten_layers()
    channels = sum(layer.gamma.shape[0] for layer in layers if isinstance(layer, BatchNorm))
    others = (3 + replicas) * embeddings + rows + 4 * channels + 1
    weights = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {"gradients by formula": 4 * weights, "others by formula": 4 * others}


def compare(options):
    if options.on_paper:
        print_on_paper()
        return
    print("| backend | scaling | batch | images/s of one | of two | efficiency |")
    print("| --- " * 6 + "|", flush=True)
    moved = None
    for backend in options.backends:
        one = _rival(options, backend, 1, BATCH)
        for name, batch in (("strong", BATCH), ("weak", 2 * BATCH)):
            two = _rival(options, backend, 2, batch)
            results = contest.contest([one, two], options.rounds)
            rates = contest.medians(results, "rate")
            efficiency = contest.ratio(results, "rate", two.name, one.name) / 2
            print(
                f"| {backend} | {name} | {BATCH} and {batch} | {rates[one.name]:,.0f} "
                f"| {rates[two.name]:,.0f} | {efficiency:.2f} |",
                flush=True,
            )
            if "gradients" in results[two.name][0]:
                moved = results[two.name][0]
    if moved:
        print("\n| bytes of a step, two processes | counted | formula |\n| --- | --- | --- |")
        for name in ("gradients", "others"):
            print(f"| {name} | {moved[name]:,.0f} | {moved[f'{name} by formula']:,.0f} |")


def _rival(options, backend, replicas, batch):
    setting = json.dumps({"replicas": replicas, "batch": batch})
    arguments = [__file__, "--rival", setting]
    arguments += ["--seconds", options.seconds, "--width", options.width]
    launcher = []
    if backend == "torch" and replicas > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={replicas}"]
    cores = sorted(os.sched_getaffinity(0))[:replicas]
    return contest.Rival(
        f"{backend}, {replicas} x {batch // replicas}",
        [sys.executable, *launcher, *arguments],
        {"KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"},
        tuple(cores),
    )


def print_on_paper():
    images, views, width = 64, 2, 4 * 128
    weights = 25.6e6  # He et al. 2016, by count of the layers of table 1
    compute = images * views * 3 * 2 * 4.1e9 / (0.4 * 989e12)
    print("| GPUs | batch | encoder, ms | gradients, ms | gather, ms | NT-Xent, ms | step, ms |")
    print("| --- " * 7 + "|")
    for gpus in (8, 64, 512):
        link = 450e9 if gpus <= 8 else 50e9
        batch = gpus * images
        gradients = 2 * (gpus - 1) / gpus * 4 * weights / link
        # Gathered once, and its gradient reduced.
        gather = 3 * (gpus - 1) / gpus * 4 * batch * views * width / link
        # Cosines, again for the gradient, and the gradient of both sides.
        comparisons = 4 * 2 * (images * views) * (batch * views) * width / (0.4 * 67e12)
        backward = compute * 2 / 3
        step = compute + max(0.0, gradients - backward) + gather + comparisons
        times = (compute, gradients, gather, comparisons, step)
        shown = " | ".join(f"{1000 * seconds:.1f}" for seconds in times)
        print(f"| {gpus} | {batch:,} | {shown} |")
    # Of all angles, in float32, once.
    full = (80e9 / (4 * 4)) ** 0.5 / views
    print(f"\nA full matrix of similarities on one GPU fills 80 GB at a batch of {full:,.0f}.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", nargs="+", default=["torch", "tensorflow", "jax"])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--on-paper", action="store_true")
    contest.run(parser, rival, compare)
