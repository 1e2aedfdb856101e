"""kNN accuracy after 200 epochs of full CIFAR-10, beside what lightly publishes. It needs a GPU.

    python benchmarks/published.py --data-dir DIR --output runs/published

ResNet-18 of width 64 with the 3x3 stem, batch 512, two views, bfloat16 where the GPU multiplies it;
k = 200, temperature 0.1, 50,000 images vote on 10,000. The published figures are CIFAR-10's of
https://docs.lightly.ai/getting_started/benchmarks.html for 200 epochs at batch 512. A run can be
stopped; the same command goes on. Prints a Markdown table.
"""

import argparse
from pathlib import Path

from keras_simmim.runs import compare

PUBLISHED = {"simclr": 84.8, "moco": 84.7, "byol": 86.8}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps CIFAR-10")
    parser.add_argument("--methods", nargs="+", default=["simmim", *PUBLISHED])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/published"))
    options = parser.parse_args()
    settings = {
        "data": "cifar10",
        "data_dir": options.data_dir,
        "encoder": "resnet18",
        "width": 64,
        "stem": "3x3",
        "num_views": 2,
        "batch_size": 512,
        "epochs": options.epochs,
        "knn_every": 10,
    }
    rows = compare(options.methods, options.seeds, options.output, settings)
    print("\n| method | kNN | lightly's |")
    print("| --- | --- | --- |")
    for row in rows:
        method = row["method"]
        print(f"| {method} | {row['knn']:.1f}% | {PUBLISHED.get(method, '-')} |")


if __name__ == "__main__":
    main()
