"""What the default of each method was chosen from: kNN on full CIFAR-10, one setting at a time.

    python benchmarks/tuning.py --data-dir ~/tensorflow_datasets --passes 1

A comparison is fair where each method has its best settings. Every run is the recipe of
`keras-simmim pretrain --data cifar10 --method NAME` but for what its row says, 512 views a step; a
process of its own on a core of its own, seeds side by side. The table `views` is of the views that
all share, the others were made with crops from 0.2 of the area. Features are those of whole images
(k = 200, temperature 0.1; 50,000 images vote on 10,000); EMP-SSL, to which an image is the mean of
its views, is judged by that too. Prints a Markdown table for each method; four minutes a row and
pass.
"""

from trials import LARGE_CROPS, knn_of_means, on_large_crops, run_and_print

SIMCLR = {"method": "simclr", "learning_rate": 4e-3}
# Maps of the same sizes as of views of 32 px behind a stem of stride 2.
SMALL_VIEWS = {"view_size": 16, "stem": "3x3"}
SETTINGS = {
    "simmim": {
        "SimMIM": {},
        "SimMIM, learning rate 8e-3": {"learning_rate": 8e-3},
        "SimMIM, temperature 0.1": {"temperature": 0.1},
        "SimMIM, temperature 0.05": {"temperature": 0.05},
        "SimMIM, embeddings of 256": {"embedding_dim": 256},
    },
    "simclr": {
        "SimCLR, temperature 0.5": {**SIMCLR, "temperature": 0.5},
        "SimCLR, temperature 0.2": {**SIMCLR, "temperature": 0.2},
        "SimCLR, temperature 0.1": {**SIMCLR, "temperature": 0.1},
        "SimCLR, temperature 0.07": {**SIMCLR, "temperature": 0.07},
        "SimCLR, temperature 0.07, learning rate 8e-3": {"method": "simclr", "learning_rate": 8e-3},
    },
    "moco": {
        "MoCo, temperature 0.2": {"method": "moco", "temperature": 0.2},
        "MoCo, temperature 0.1": {"method": "moco", "temperature": 0.1},
        "MoCo, temperature 0.07": {"method": "moco", "temperature": 0.07},
        "MoCo, temperature 0.07, learning rate 8e-3": {
            "method": "moco",
            "temperature": 0.07,
            "learning_rate": 8e-3,
        },
    },
    "byol": {
        "BYOL, momentum 0.99": {"method": "byol", "momentum_target": 0.99},
        "BYOL, momentum 0.97": {"method": "byol", "momentum_target": 0.97},
        "BYOL, momentum 0.95": {"method": "byol", "momentum_target": 0.95},
        "BYOL, momentum 0.9": {"method": "byol", "momentum_target": 0.9},
        "BYOL, momentum 0.95, learning rate 8e-3": {
            "method": "byol",
            "momentum_target": 0.95,
            "learning_rate": 8e-3,
        },
    },
}
TABLES = {
    "views": {
        "SimMIM, crops from 0.2": LARGE_CROPS,
        "SimMIM, crops from 0.08 (default)": {},
        "SimMIM, crops from 0.08, views of 16 px, stem of stride 1": SMALL_VIEWS,
        "SimCLR, crops from 0.2": {**SIMCLR, **LARGE_CROPS},
        "SimCLR, crops from 0.08 (default)": SIMCLR,
        "SimCLR, crops from 0.08, views of 16 px, stem of stride 1": {**SIMCLR, **SMALL_VIEWS},
    },
    **on_large_crops(SETTINGS),
    # Crops of its own.
    "empssl": {
        "EMP-SSL, batches of 128": {"method": "empssl", "batch_size": 128, "steps": 0.2},
        "EMP-SSL, batches of 64": {"method": "empssl", "batch_size": 64, "steps": 0.4},
        "EMP-SSL, batches of 26": {"method": "empssl", "batch_size": 26},
    },
}


def judge_means(name, model, labelled):
    """Accuracies of EMP-SSL's models by means over views."""
    if not name.startswith("EMP-SSL"):
        return {}
    return {"mean over 8 views": knn_of_means(model, labelled)}


if __name__ == "__main__":
    run_and_print(TABLES, __doc__.splitlines()[0], judge=judge_means)
