"""kNN classification beside the bare matrix product it can't do without: time, and extra memory.

    python benchmarks/knn.py

`keras_simmim.evaluation.knn_predict` (k = 200) of 10,000 rows against 50,000, 512 features each,
10 classes, with the training rows sorted by class and shuffled. The rival multiplies the same
features, made unit vectors beforehand, by `np.matmul` in tiles into a buffer and does no more; of
several tile sizes it takes the fastest on this machine, which the table names.

The rivals alternate; seconds are medians, the ratio is the median of the rounds' ratios. Extra MB
is the high-water mark of the resident memory (`ru_maxrss`, set back by /proc/self/clear_refs,
Linux) after the first call less the mark before it, when the features exist. Takes 3 minutes.
"""

import argparse
import itertools
import sys
import time

import contest
import numpy as np

CLASSES = 10


def class_features(rows, features, rng, centres):
    """Unit vectors around the centres, sorted by class, and their labels."""
    labels = np.sort(rng.integers(0, CLASSES, rows))
    x = rng.standard_normal((rows, features), dtype="float32")
    x += centres[labels]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x, labels


def rival(options):
    rng = np.random.default_rng(0)
    # Short beside the noise, so that classes overlap as those of trained features do.
    centres = 0.15 * rng.standard_normal((CLASSES, options.features), dtype="float32")
    train_x, train_y = class_features(options.train, options.features, rng, centres)
    test_x, test_y = class_features(options.test, options.features, rng, centres)
    if options.rival == "shuffled":
        order = rng.permutation(options.train)
        train_x, train_y = train_x[order], train_y[order]

    facts = {}
    if options.rival == "matmul":
        tile, work = fastest_product(test_x, train_x)
        facts = {"rows": tile[0], "columns": tile[1]}
    else:
        from keras_simmim.evaluation import knn_predict

        def work():
            return knn_predict(train_x, train_y, test_x)

        before = contest.reset_peak()
        predicted = work()
        extra = contest.peak() - before
        facts = {"extra": extra, "accuracy": float(np.mean(predicted == test_y))}

    def block():
        start = time.perf_counter()
        work()
        return {"seconds": time.perf_counter() - start, **facts}

    contest.serve(block)


def fastest_product(test_x, train_x):
    """The tile, rows x columns, that multiplies fastest, and a call of all tiles."""
    sizes = itertools.product((256, 1024, 4096), (2048, 8192, len(train_x)))
    tiles = sorted({(min(r, len(test_x)), min(c, len(train_x))) for r, c in sizes})

    def seconds_per_cell(tile):
        buffer = np.empty(tile, "float32")
        times = []
        for _ in range(4):  # the first brings the buffer into memory
            start = time.perf_counter()
            np.matmul(test_x[: tile[0]], train_x[: tile[1]].T, out=buffer)
            times.append(time.perf_counter() - start)
        return min(times) / buffer.size

    tile = min(tiles, key=seconds_per_cell)
    buffer = np.empty(tile[0] * tile[1], "float32")

    def multiply():
        for row in range(0, len(test_x), tile[0]):
            for column in range(0, len(train_x), tile[1]):
                rows, columns = test_x[row : row + tile[0]], train_x[column : column + tile[1]]
                out = buffer[: len(rows) * len(columns)].reshape(len(rows), len(columns))
                np.matmul(rows, columns.T, out=out)

    return tile, multiply


def compare(options):
    sizes = [f"--{name}={getattr(options, name)}" for name in ("train", "test", "features")]
    results = contest.contest(
        [
            contest.Rival(name, [sys.executable, __file__, "--rival", name, *sizes])
            for name in ("matmul", "sorted", "shuffled")
        ],
        options.rounds,
    )
    seconds = contest.medians(results, "seconds")
    product = results["matmul"][0]
    tile = f"{product['rows']:,} x {product['columns']:,}"
    print(f"{options.test:,} rows against {options.train:,}, {options.features} features\n")
    print("| | seconds | time / matmul's | extra MB | accuracy |")
    print("| --- | --- | --- | --- | --- |")
    print(f"| np.matmul, tiles of {tile} | {seconds['matmul']:.2f} | 1.00 | - | - |")
    for name, label in (("sorted", "sorted by class"), ("shuffled", "shuffled")):
        first = results[name][0]
        times = contest.ratio(results, "seconds", name, "matmul")
        print(
            f"| knn_predict, {label} | {seconds[name]:.2f} | {times:.2f} "
            f"| {first['extra']:.0f} | {first['accuracy']:.1%} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=int, default=50_000)
    parser.add_argument("--test", type=int, default=10_000)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=7)
    contest.run(parser, rival, compare)


if __name__ == "__main__":
    main()
