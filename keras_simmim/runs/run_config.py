import dataclasses
import json
from pathlib import Path

from keras_simmim.runs.run_error import RunError
from keras_simmim.runs.written_whole import written_whole


def _option(default, help, choices=None, minimum=None):
    metadata = {"help": help, "choices": choices, "minimum": minimum}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass
class RunConfig:
    """Everything that decides a pre-training run; the command line has an option for each field.

    Lengths are in pixels, pixel values 0...255. `to_json` and `from_json` keep it in the run
    folder, where it is what `--resume` goes by.
    """

    data: str = _option("sample", "cifar10, sample, or a folder of images.")
    data_dir: str | None = _option(
        None, "Where TensorFlow Datasets keeps CIFAR-10 [default: $TFDS_DATA_DIR]."
    )
    test_data: str | None = _option(
        None, "Folder of the same classes to judge by, where --data is a folder of classes."
    )
    image_size: int = _option(224, "Side to which images of a folder are fitted.", minimum=8)
    skip_unreadable: bool = _option(
        False, "Leave out image files of a folder that can't be read; all are decoded before."
    )

    method: str = _option(
        "simmim",
        "Method; mim is the masked image modelling of the SimMIM paper.",
        choices=("simmim", "simclr", "moco", "byol", "empssl", "mim"),
    )
    encoder: str | None = _option(
        None,
        "Encoder [default: resnet10 below 64 px, resnet18 from there; vit for mim].",
        choices=("resnet10", "resnet18", "resnet34", "vit"),
    )
    width: int | None = _option(
        None,
        "Channels of a ResNet's first stage [default: 32 below 64 px, 64 from there], "
        "of a ViT's tokens [default: 128 below 64 px, 192 from there].",
        minimum=1,
    )
    stem: str = _option(
        "auto",
        "A ResNet's stem, kernel / stride [default: 3x3/2 below 64 px, 7x7/4 from there].",
        choices=("auto", "3x3", "3x3/2", "7x7/4"),
    )
    whiten_stem: bool = _option(
        True, "Start a ResNet's 3x3 stem with filters that whiten patches of the images."
    )
    patch_size: int | None = _option(
        None, "Side of a ViT's patches [default: 4 below 64 px, 16 from there].", minimum=1
    )
    vit_depth: int | None = _option(
        None, "Blocks of a ViT [default: 4 below 64 px, 6 from there].", minimum=1
    )
    vit_heads: int | None = _option(
        None,
        "Attention heads of a ViT's blocks [default: 4 below 64 px, 3 from there].",
        minimum=1,
    )
    vit_position: str = _option(
        "sincos", "Positions of a ViT's tokens.", choices=("sincos", "relative")
    )

    num_views: int | None = _option(
        None, "Views of each image [default: 4; empssl 20; mim 1].", minimum=1
    )
    view_size: int | None = _option(None, "Side of a view [default: the image's].", minimum=4)
    crop_scale: tuple[float, float] | None = _option(
        None, "Least and largest area of a crop [default: 0.08 1; empssl 0.25 0.25; mim 0.67 1]."
    )
    crop_ratio: tuple[float, float] = _option(
        (3 / 4, 4 / 3), "Least and largest ratio of a crop's width to its height."
    )
    flip: float = _option(0.5, "Probability of a horizontal flip.", minimum=0.0)
    jitter: float | None = _option(
        None, "Probability of colour jitter [default: 0.8; mim 0].", minimum=0.0
    )
    brightness: float = _option(0.4, "Strength of brightness jitter.", minimum=0.0)
    contrast: float = _option(0.4, "Strength of contrast jitter.", minimum=0.0)
    saturation: float = _option(0.4, "Strength of saturation jitter.", minimum=0.0)
    hue: float = _option(0.1, "Strength of hue jitter, in turns.", minimum=0.0)
    grayscale: float | None = _option(
        None, "Probability of grayscale [default: 0.2; mim 0].", minimum=0.0
    )
    blur: float | None = _option(
        None, "Probability of Gaussian blur [default: 0; empssl 0.1].", minimum=0.0
    )
    blur_sigma: tuple[float, float] = _option(
        (0.1, 2.0), "Least and largest standard deviation of the blur, in pixels of a view."
    )
    solarize: float | None = _option(
        None, "Probability of solarization [default: 0; empssl 0.1].", minimum=0.0
    )
    solarize_threshold: float = _option(128.0, "Least value that is inverted.", minimum=0.0)

    head: str | None = _option(
        None,
        "Head on the encoder [default: attention for simmim, projection for others].",
        choices=("attention", "projection"),
    )
    num_heads: int = _option(4, "Angles of the attention head.", minimum=1)
    stages: int = _option(
        2, "Last stages of a ResNet that simmim looks at, each from its own angles.", minimum=1
    )
    embedding_dim: int = _option(128, "Dimensions of an embedding.", minimum=2)
    hidden_dim: int | None = _option(
        None, "Width of the head's MLP [default: as many as features].", minimum=1
    )
    temperature: float | None = _option(None, "Temperature of the loss [default: 0.07].")
    momentum_target: float | None = _option(
        None,
        "What remains of the target network at an update [default: moco 0.99, byol 0.95].",
        minimum=0.0,
    )
    queue_size: int = _option(4096, "Keys that moco queues.", minimum=1)
    symmetric: bool = _option(True, "Whether each view of moco is a query and a key.")
    invariance: float = _option(200.0, "Weight of agreement in empssl.", minimum=0.0)
    mask_ratio: float = _option(0.6, "Share of mim's units that is masked.", minimum=0.0)
    mask_unit: int | None = _option(
        None, "Side of mim's mask units in pixels [default: twice the patch size].", minimum=1
    )

    batch_size: int = _option(128, "Images per step.", minimum=2)
    epochs: int | None = _option(None, "Passes over the data [default: 100].", minimum=1)
    minutes: float | None = _option(
        None, "Wall time instead of epochs: the schedule ends when it is spent."
    )
    steps: int | None = _option(None, "Training steps instead of epochs.", minimum=1)
    optimizer: str | None = _option(
        None,
        "Optimizer [default: muon; adamw for mim].",
        choices=("sgd", "adam", "adamw", "muon", "lars"),
    )
    learning_rate: float | None = _option(
        None,
        "Peak learning rate [default: adam, adamw, muon 4e-3, of simclr with muon 8e-3, for a vit "
        "1e-3; sgd, lars 0.2 x batch / 256].",
    )
    momentum: float = _option(0.9, "Momentum of sgd and lars.", minimum=0.0)
    weight_decay: float | None = _option(
        None,
        "Weight decay, times the learning rate; none on biases, norms [default: 0; mim 0.05]. "
        "With sgd Keras decays after momentum: 0.005 at momentum 0.9 is what torch calls 0.0005.",
        minimum=0.0,
    )
    schedule: str = _option(
        "cosine", "Schedule of the learning rate.", choices=("cosine", "step", "constant")
    )
    warmup: float = _option(0.02, "Share of a cosine schedule that warms up.", minimum=0.0)
    step_epochs: int = _option(30, "Epochs between the decays of a step schedule.", minimum=1)
    step_rate: float = _option(0.1, "What a step schedule multiplies by.", minimum=0.0)
    gradient_accumulation: int = _option(
        1, "Batches per update; negatives are those of one batch.", minimum=1
    )

    precision: str = _option(
        "auto",
        "Precision; auto: bfloat16 where it is faster.",
        choices=("auto", "float32", "mixed_bfloat16", "mixed_float16"),
    )
    seed: int = _option(0, "Seed of weights, order and views.", minimum=0)
    deterministic: bool = _option(False, "The same bits on the same machine, if slower.")
    checkpoint_minutes: float = _option(
        5.0, "Minutes between checkpoints within an epoch.", minimum=0.0
    )
    bad_steps: int = _option(
        3, "Steps in a row without a finite loss after which training stops.", minimum=1
    )
    knn_every: int = _option(
        5,
        "Epochs between looks at the features: kNN on a part of the data, alignment, uniformity "
        "and RankMe; 0: none.",
        minimum=0,
    )

    backend: str | None = None
    # Of a folder, when it was read first.
    num_images: int = 0
    # 0 until the run is planned.
    total_steps: int = 0
    steps_per_epoch: int = 0

    @property
    def folder_image_size(self) -> int | None:
        """Side that images have, None where they are not of a folder."""
        return self.image_size if self.num_images else None

    @classmethod
    def choices(cls, name: str) -> tuple[str, ...]:
        """What a field may be."""
        return cls.__dataclass_fields__[name].metadata["choices"]

    def differences(self, options: dict) -> tuple[str, str] | None:
        """What a run was set up with and what is asked for, for people; None: they are the same.

        Args:
            options: fields by name; "auto" leaves a field to what the run found out.
        """
        names = [n for n, value in options.items() if value not in (getattr(self, n), "auto")]
        if not names:
            return None
        was = ", ".join(f"{name} = {getattr(self, name)}" for name in names)
        return was, ", ".join(f"{name} = {options[name]}" for name in names)

    def to_json(self, path: Path) -> None:
        """Writes the configuration, whole or not at all."""
        with written_whole(path) as partial:
            partial.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    @classmethod
    def from_json(cls, path: Path) -> "RunConfig":
        """Reads a configuration.

        Raises:
            RunError: where there is none, or it is not one of this version's.
        """
        if not path.is_file():
            raise RunError(f"{path.parent} is no run folder: it has no {path.name}.")
        try:
            config = cls(**json.loads(path.read_text()))
        except (TypeError, ValueError) as error:
            raise RunError(f"{path} can't be read as a run's configuration: {error}") from error
        for name, value in vars(config).items():
            if isinstance(value, list):
                setattr(config, name, tuple(value))
        return config
