"""What a run may be told."""

import dataclasses
from typing import Any

from keras_simmim.runs.option_kinds import Choice, Flag, Integer, Kind, Number, Pair, Text

# Greatest values: what no machine could run is not meant.
_PIXELS, _UNITS, _PASSES, _STEPS, _MINUTES = 4096, 2**16, 10**6, 10**9, 1e6
_SHARE, _STRENGTH = Number(0.0, 1.0), Number(0.0, 100.0)
# Of a head's MLP: as wide as the features that go into it.
AS_FEATURES = "features"


def _option(default: Any, help: str, kind: Kind) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "kind": kind})


@dataclasses.dataclass
class RunOptions:
    """What a run may be told; the command line has an option for each field.

    None and "auto" leave a field open; what it gets then is in `defaults.py`.
    """

    data: str = _option("sample", "cifar10, sample, or a folder of images.", Text())
    data_dir: str | None = _option(
        None, "Where TensorFlow Datasets keeps CIFAR-10 [default: $TFDS_DATA_DIR].", Text()
    )
    test_data: str | None = _option(
        None, "Folder of the same classes to judge by, where --data is a folder of classes.", Text()
    )
    image_size: int = _option(
        224, "Side to which images of a folder are fitted.", Integer(8, _PIXELS)
    )
    skip_unreadable: bool = _option(
        False,
        "Leave out image files of a folder that can't be read; all are decoded before.",
        Flag(),
    )

    method: str = _option(
        "simmim",
        "Method; mim is the masked image modelling of the SimMIM paper.",
        Choice(("simmim", "simclr", "moco", "byol", "empssl", "mim")),
    )
    encoder: str | None = _option(
        None,
        "Encoder [default: resnet10 below 64 px, resnet18 from there; vit for mim].",
        Choice(("resnet10", "resnet18", "resnet34", "vit")),
    )
    width: int | None = _option(
        None,
        "Channels of a ResNet's first stage [default: 32 below 64 px, 64 from there], "
        "of a ViT's tokens [default: 128 below 64 px, 192 from there].",
        Integer(1, _UNITS),
    )
    stem: str = _option(
        "auto",
        "A ResNet's stem, kernel / stride [default: 3x3 up to 16 px, 3x3/2 below 64 px, 7x7/4 "
        "from there].",
        Choice(("auto", "3x3", "3x3/2", "7x7/4")),
    )
    whiten_stem: bool = _option(
        True, "Start a ResNet's 3x3 stem with filters that whiten patches of the images.", Flag()
    )
    patch_size: int | None = _option(
        None,
        "Side of a ViT's patches [default: 4 below 64 px, 16 from there].",
        Integer(1, _PIXELS),
    )
    vit_depth: int | None = _option(
        None, "Blocks of a ViT [default: 4 below 64 px, 6 from there].", Integer(1, 1000)
    )
    vit_heads: int | None = _option(
        None,
        "Attention heads of a ViT's blocks [default: 4 below 64 px, 3 from there].",
        Integer(1, _UNITS),
    )
    vit_position: str = _option(
        "sincos", "Positions of a ViT's tokens.", Choice(("sincos", "relative"))
    )

    num_views: int | None = _option(
        None, "Views of each image [default: 4; empssl 20; mim 1].", Integer(1, 1024)
    )
    view_size: int | None = _option(
        None, "Side of a view [default: the image's].", Integer(4, _PIXELS)
    )
    crop_scale: tuple[float, float] | None = _option(
        None,
        "Least and largest area of a crop [default: 0.08 1; empssl 0.25 0.25; mim 0.67 1].",
        Pair(1.0),
    )
    crop_ratio: tuple[float, float] = _option(
        (3 / 4, 4 / 3), "Least and largest ratio of a crop's width to its height.", Pair(100.0)
    )
    flip: float = _option(0.5, "Probability of a horizontal flip.", _SHARE)
    jitter: float | None = _option(
        None, "Probability of colour jitter [default: 0.8; mim 0].", _SHARE
    )
    brightness: float = _option(0.4, "Strength of brightness jitter.", _STRENGTH)
    contrast: float = _option(0.4, "Strength of contrast jitter.", _STRENGTH)
    saturation: float = _option(0.4, "Strength of saturation jitter.", _STRENGTH)
    hue: float = _option(0.1, "Strength of hue jitter, in turns.", Number(0.0, 0.5))
    grayscale: float | None = _option(
        None, "Probability of grayscale [default: 0.2; mim 0].", _SHARE
    )
    blur: float | None = _option(
        None, "Probability of Gaussian blur [default: 0; empssl 0.1].", _SHARE
    )
    blur_sigma: tuple[float, float] = _option(
        (0.1, 2.0),
        "Least and largest standard deviation of the blur, in pixels of a view.",
        Pair(float(_PIXELS)),
    )
    solarize: float | None = _option(
        None, "Probability of solarization [default: 0; empssl 0.1].", _SHARE
    )
    solarize_threshold: float = _option(128.0, "Least value that is inverted.", Number(0.0, 255.0))

    head: str | None = _option(
        None,
        "Head on the encoder [default: attention for simmim, projection for others].",
        Choice(("attention", "projection")),
    )
    num_heads: int = _option(4, "Angles of the attention head.", Integer(1, _UNITS))
    stages: int = _option(
        2, "Last stages of a ResNet that simmim looks at, each from its own angles.", Integer(1, 4)
    )
    embedding_dim: int = _option(128, "Dimensions of an embedding.", Integer(2, _UNITS))
    hidden_dim: int | str | None = _option(
        None,
        "Width of the head's MLP; features: as many as features go into it [default: features].",
        Integer(1, _UNITS, word=AS_FEATURES),
    )
    temperature: float | None = _option(
        None, "Temperature of the loss [default: 0.07].", Number(above=0.0, most=1000.0)
    )
    momentum_target: float | None = _option(
        None,
        "What remains of the target network at an update [default: moco 0.99, byol 0.95].",
        _SHARE,
    )
    queue_size: int = _option(4096, "Keys that moco queues.", Integer(1, 2**24))
    symmetric: bool = _option(True, "Whether each view of moco is a query and a key.", Flag())
    invariance: float = _option(200.0, "Weight of agreement in empssl.", Number(0.0, 1e6))
    mask_ratio: float = _option(
        0.6, "Share of mim's units that is masked.", Number(above=0.0, below=1.0)
    )
    mask_unit: int | None = _option(
        None,
        "Side of mim's mask units in pixels [default: twice the patch size].",
        Integer(1, _PIXELS),
    )

    batch_size: int = _option(128, "Images per step.", Integer(2, 2**20))
    epochs: int | None = _option(None, "Passes over the data [default: 100].", Integer(1, _PASSES))
    minutes: float | None = _option(
        None,
        "Wall time instead of epochs: the schedule ends when it is spent.",
        Number(above=0.0, most=_MINUTES),
    )
    steps: int | None = _option(None, "Training steps instead of epochs.", Integer(1, _STEPS))
    optimizer: str | None = _option(
        None,
        "Optimizer [default: muon; adamw for mim].",
        Choice(("sgd", "adam", "adamw", "muon", "lars")),
    )
    learning_rate: float | None = _option(
        None,
        "Peak learning rate [default: adam, adamw, muon 4e-3, of simclr with muon 8e-3, for a vit "
        "1e-3; sgd, lars 0.2 x batch / 256].",
        Number(above=0.0, most=1000.0),
    )
    momentum: float = _option(0.9, "Momentum of sgd and lars.", Number(0.0, below=1.0))
    weight_decay: float | None = _option(
        None,
        "Weight decay, times the learning rate; none on biases, norms [default: 0; mim 0.05]. "
        "With sgd Keras decays after momentum: 0.005 at momentum 0.9 is what torch calls 0.0005.",
        Number(0.0, 1000.0),
    )
    schedule: str = _option(
        "cosine", "Schedule of the learning rate.", Choice(("cosine", "step", "constant"))
    )
    warmup: float = _option(0.02, "Share of a cosine schedule that warms up.", _SHARE)
    step_epochs: int = _option(
        30, "Epochs between the decays of a step schedule.", Integer(1, _PASSES)
    )
    step_rate: float = _option(
        0.1, "What a step schedule multiplies by.", Number(above=0.0, most=1.0)
    )
    gradient_accumulation: int = _option(
        1, "Batches per update; negatives are those of one batch.", Integer(1, _STEPS)
    )

    precision: str = _option(
        "auto",
        "Precision; auto: bfloat16 where it is faster.",
        Choice(("auto", "float32", "mixed_bfloat16", "mixed_float16")),
    )
    # Greater ones torch can't hold.
    seed: int = _option(0, "Seed of weights, order and views.", Integer(0, 2**31 - 1))
    deterministic: bool = _option(False, "The same bits on the same machine, if slower.", Flag())
    checkpoint_minutes: float = _option(
        5.0, "Minutes between checkpoints within an epoch.", Number(0.0, _MINUTES)
    )
    bad_steps: int = _option(
        3, "Steps in a row without a finite loss after which training stops.", Integer(1, _STEPS)
    )
    knn_every: int = _option(
        5,
        "Epochs between looks at the features: kNN on a part of the data, alignment, uniformity "
        "and RankMe; 0: none.",
        Integer(0, _PASSES),
    )
