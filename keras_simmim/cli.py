"""The command line, `keras-simmim`: options in, errors in one line, exit status 2."""

import contextlib
import dataclasses
import io
import os
import re
import shlex
import signal
import sys
import time
from pathlib import Path

import click
import keras

from keras_simmim import __version__, _why_backend, distribution
from keras_simmim import backend as engine
from keras_simmim._click_types import click_type
from keras_simmim.backend.export_formats import (
    FORMATS,
    USUAL_FORMATS,
    check_formats,
    usual_formats,
)
from keras_simmim.datasets import ImageFileError
from keras_simmim.export import export
from keras_simmim.publish import publish
from keras_simmim.runs import (
    RunConfig,
    RunError,
    Stopped,
    compare,
    evaluate,
    images_of_run,
    list_runs,
    pretrain,
    report,
)
from keras_simmim.runs.check_folder import check_folder
from keras_simmim.runs.option_kinds import Integer

_BACKENDS = click.Choice(["tensorflow", "jax", "torch"])
_IMAGE_SIZE = click.option(
    "--image-size",
    type=click_type(RunConfig.kind("image_size")),
    help="Side that images of folders get [default: that of a run on a folder].",
)
# As many images as a run may have in a step.
_BATCH_SIZE = click_type(Integer(1, RunConfig.kind("batch_size").most))
_STARTED = time.monotonic()


def _config_options(exclude=(), defaults=None):
    """An option for every field of `RunConfig` that has a help text.

    Args:
        exclude: fields without an option.
        defaults: what the help texts say of fields whose default is another.
    """

    def decorate(command):
        for field in reversed(dataclasses.fields(RunConfig)):
            if "help" in field.metadata and field.name not in exclude:
                command = _option(field, (defaults or {}).get(field.name))(command)
        return command

    return decorate


def _option(field, other_default=None):
    help_text, default = field.metadata["help"], field.default
    if other_default is not None:
        help_text = f"{help_text.partition(' [default')[0].rstrip('.')} [default: {other_default}]."
    name = "--" + field.name.replace("_", "-")
    if isinstance(default, bool):
        name = f"{name}/--no-{field.name.replace('_', '-')}"
    return click.option(
        name,
        default=default,
        type=click_type(field.metadata["kind"]),
        help=help_text,
        show_default=default is not None and "[default" not in help_text,
    )


def _use_backend(backend):
    """Starts the command again where Keras runs another backend: it is chosen when imported."""
    if backend is not None and backend != keras.backend.backend():
        environment = {**os.environ, "KERAS_BACKEND": backend}
        os.execve(
            sys.executable, [sys.executable, "-m", "keras_simmim", *sys.argv[1:]], environment
        )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands():
    """Self-supervised image pre-training for Keras 3."""


@commands.command("pretrain")
@_config_options()
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Run folder [default: runs/DATA-TIME].",
)
@click.option(
    "--devices",
    type=click_type(Integer(1, 1024, word="auto")),
    help="Train on this many devices, or on all [default: on one].",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --output, as it was set up.")
@click.option(
    "--report/--no-report",
    "with_report",
    default=True,
    show_default=True,
    help="Write report.html at the end.",
)
@click.pass_context
def pretrain_command(context, backend, output, devices, resume, with_report, **options):
    """Pre-trains a method, SimMIM by default, and writes a run folder.

    The folder holds config.json, history.csv, results.json, TensorBoard logs, checkpoints,
    model.keras, encoder.keras and report.html, which shows what was learnt.
    """
    if resume:
        if output is None:
            raise click.UsageError("--resume needs --output: the run folder to go on with.")
        config = RunConfig.from_json(output / "config.json", to_resume=True)
        _check_same(config, {**_given(context, options), "backend": backend or config.backend})
        backend = config.backend
    else:
        config = _config(options)
    _use_backend(backend)
    config.backend = keras.backend.backend()
    if config.deterministic:
        engine.enable_determinism()  # before devices are looked for
    if devices is not None:
        try:
            if engine.start_processes(devices, ["-m", "keras_simmim", *sys.argv[1:]]):
                return
        except RuntimeError as error:
            raise RunError(f"{error} The same command with --resume goes on.") from error
    why_backend = _why_backend if backend is None else "as asked"
    with contextlib.ExitStack() as stack:
        if devices is not None:
            try:
                stack.enter_context(distribution.data_parallel(devices))
            except ValueError as error:
                raise RunError(str(error)) from error
        if output is None:
            data = "folder" if Path(config.data).is_dir() else config.data
            now = time.localtime(int(engine.same_on_all(int(time.time()))))
            output = Path("runs") / f"{data}-{time.strftime('%Y%m%d-%H%M%S', now)}"
        stack.enter_context(_stopped(output, devices))
        if engine.is_chief():
            pretrain(config, output, resume=resume, started=_STARTED, why_backend=why_backend)
        else:
            # One process speaks for all.
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    pretrain(config, output, resume=resume, started=_STARTED)
                except RunError:
                    sys.exit(2)
                except Stopped as error:
                    sys.exit(128 + error.signal)
            return
        alone = engine.process_count() == 1
    if with_report:
        _report_at_end(output, alone)


def _report_at_end(run, alone):
    """Writes a run's report; what keeps it from that is no error of the training."""
    later = f"keras-simmim report {run}"
    if not alone:
        # The others have ended, and what is embedded here would wait for them.
        click.echo(f"{later} shows what was learnt")
        return
    try:
        click.echo(f"What was learnt: {report([run])}")
    except (RunError, OSError) as error:
        click.echo(f"No report was written: {error} Then: {later}")


@contextlib.contextmanager
def _stopped(output, devices):
    """Makes SIGTERM and Ctrl-C end a run by `Stopped`, which tells the command that goes on."""

    def terminate(number, frame):
        raise Stopped("Stopped.", number)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except (Stopped, KeyboardInterrupt) as error:
        stopped = error if isinstance(error, Stopped) else Stopped("Stopped.", signal.SIGINT)
        if not (output / "config.json").exists():
            raise Stopped(f"{stopped} Nothing had been trained.", stopped.signal) from error
        command = f"keras-simmim pretrain --output {shlex.quote(str(output))} --resume"
        command += f" --devices {devices}" if devices else ""
        raise Stopped(f"{stopped} Go on by: {command}", stopped.signal) from error


def _given(context, options):
    """The options that were typed."""
    return {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }


def _config(options):
    """The configuration that options give, or an error that calls fields what options are called.

    A single one is checked when it is read, what they are together here.
    """
    try:
        config = RunConfig(**options)
        config.check_length()
        return config
    except ValueError as error:
        message = re.sub("`([a-z_]+)`", lambda x: "--" + x[1].replace("_", "-"), str(error))
        raise click.UsageError(message) from error


def _check_same(config, given):
    """A run goes on as it was set up: what is given again must not differ."""
    if differences := config.differences(given):
        was, is_now = differences
        raise click.UsageError(
            f"the run was set up with {was}, and --resume goes on with that. Received: {is_now}. "
            "Leave the options out, or start a new run."
        )


@commands.command("evaluate")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--data", help="cifar10, sample or a folder of classes [default: the run's].")
@click.option(
    "--test-data",
    help="Folder of classes to test on, where --data is a folder [default: the run's].",
)
@click.option("--data-dir", help="Where TensorFlow Datasets keeps CIFAR-10.")
@_IMAGE_SIZE
@click.option(
    "--k",
    type=click_type(Integer(1, 10**7)),
    default=200,
    show_default=True,
    help="Neighbours.",
)
@click.option(
    "--temperature",
    type=click_type(RunConfig.kind("temperature")),
    default=0.1,
    show_default=True,
    help="Temperature of the votes.",
)
@click.option("--batch-size", type=_BATCH_SIZE, default=512, show_default=True)
@click.option(
    "--num-views",
    type=click_type(RunConfig.kind("num_views")),
    help="Average the features over this many views of each image, of a method's own splitter.",
)
@click.option(
    "--checkpoint",
    type=click.Choice(["last", "best"]),
    help="Judge a checkpoint of a run folder, also of a run that has not ended.",
)
@click.option("--linear-probe", "probe", is_flag=True, help="Fit a linear classifier, too.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out image files that can't be read.")
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
def evaluate_command(run, backend, **options):
    """Prints the kNN accuracy of a run's encoder; RUN is a run folder or a .keras file."""
    _use_backend(backend)
    evaluate(run, **options)


@commands.command("compare")
@click.option(
    "--methods",
    default="simmim,simclr,moco,byol,empssl,mim",
    show_default=True,
    help="Methods, with commas between them.",
)
@click.option(
    "--seeds",
    type=click_type(Integer(1, 1000)),
    default=2,
    show_default=True,
    help="Runs of a method.",
)
@_config_options(
    exclude=("method", "seed"),
    # Of `ALIKE` in `runs/defaults.py`.
    defaults={
        "num_views": "4; mim 1",
        "crop_scale": "0.08 1; mim 0.67 1",
        "jitter": "0.8; mim 0",
        "grayscale": "0.2; mim 0",
        "blur": "0",
        "solarize": "0",
        "epochs": "none",
        "knn_every": "1",
    },
)
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("runs/compare"),
    show_default=True,
    help="Folder of the runs and the table; the same command goes on where it stopped.",
)
@click.pass_context
def compare_command(context, methods, seeds, output, backend, **options):
    """Pre-trains several methods alike, for as long as --minutes, --steps or --epochs say.

    Each method gets the same encoder, views, batch, time or steps, and seeds, one run after the
    other. mim, which needs tokens, gets a ViT and its own views. Writes table.csv and
    accuracy.png beside the run folders.
    """
    _use_backend(backend)
    given = _given(context, options)
    _config(given)
    compare(methods.split(","), seeds, output, given)


@commands.command("report")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write [default: report.html in the run folder; needed with several].",
)
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
def report_command(runs, output, backend):
    """Writes a page that shows what RUNS have learnt, several of them side by side.

    One HTML file that needs no other and no network: verdict, curves, views, angles of attention,
    a map of the features, nearest neighbours. Of a run that has not ended, it shows its last
    checkpoint.
    """
    _use_backend(backend)
    click.echo(report(list(runs), output))


@commands.command("runs")
@click.argument(
    "folder",
    default=Path("runs"),
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
def runs_command(folder):
    """Lists the runs in FOLDER, at any depth: method, data, state, accuracy, time."""
    list_runs(folder)


@commands.command("export")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--to",
    help=f"Formats, with commas between them: {', '.join(FORMATS)} [default: those of "
    f"{', '.join(USUAL_FORMATS)} that can be written here].",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="Folder of the files [default: RUN/export]."
)
@click.option("--data", help="cifar10, sample or a folder of training images [default: the run's].")
@click.option("--data-dir", help="Where TensorFlow Datasets keeps CIFAR-10.")
@_IMAGE_SIZE
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
def export_command(run, to, output, data, data_dir, image_size, backend):
    """Writes a run's encoder to files that run without Keras, each compared with Keras.

    RUN is a run folder, or the .keras file of an encoder or a classifier. Files take uint8 images.
    """
    _use_backend(backend)
    own, left_out = keras.backend.backend(), []
    try:
        if to is None:
            forms, left_out = usual_formats(own)
        else:
            forms = check_formats(to.split(","), own)
    except (ValueError, ImportError) as error:
        raise RunError(str(error)) from error
    folder = run if run.is_dir() else run.parent
    is_run = run.is_dir() and (run / "config.json").is_file()
    images = None
    if is_run or data:
        config = RunConfig.from_json(run / "config.json") if is_run else RunConfig(batch_size=8)
        size = image_size or config.folder_image_size
        if data and Path(data).is_dir() and size is None:
            raise click.UsageError("--image-size is needed with a folder: the side of its images.")
        if data:
            config.data, config.num_images = data, 0
        config.data_dir = data_dir or config.data_dir
        config.image_size = size or config.image_size
        images = images_of_run(config)
    elif "litert-int8" in forms:
        raise click.UsageError("litert-int8 is calibrated on training images: give --data.")
    output = output or folder / "export"
    check_folder(output)
    try:
        exported = export(run, output, forms, images)
    except (ValueError, ImportError, RuntimeError) as error:
        raise RunError(" ".join(str(error).split())) from error
    for form, file in exported.items():
        print(
            f"{form}: {file.path}, {file.size / 1e6:.2f} MB, differs from Keras by "
            f"{file.difference:.1e}, cosine {file.cosine:.5f}"
        )
    for needed in left_out:
        print(f"Not written: {needed}")


@commands.command("publish")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the saved model, and of its folder.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("saved_models"),
    show_default=True,
    help="Where the folder is made.",
)
@click.option(
    "--test-data", help="Folder of classes to test on, for a run on a folder [default: the run's]."
)
@click.option("--data-dir", help="Where TensorFlow Datasets keeps CIFAR-10.")
@click.option(
    "--fine-tune",
    type=click_type(RunConfig.kind("epochs")),
    metavar="EPOCHS",
    help="Fine-tune the classifier for this many epochs [default: a linear probe].",
)
@click.option("--licence", default="Apache-2.0", show_default=True, help="Licence of the weights.")
@click.option("--backend", type=_BACKENDS, help="Backend of Keras [default: Keras's own choice].")
def publish_command(run, name, output, test_data, data_dir, fine_tune, licence, backend):
    """Makes a saved model of a run: encoder, classifier, their exports, and a card.

    Judges them on labelled images: kNN, classifier, int8, each class.
    """
    _use_backend(backend)
    results = publish(run, output / name, test_data, data_dir, fine_tune, licence)
    print(
        f"{output / name}: kNN accuracy {results['knn_accuracy']:.2%} "
        f"({results['int8_knn_accuracy']:.2%} in int8), classifier "
        f"{results['classifier_accuracy']:.2%}; see card.md"
    )


def main(arguments=None):
    """Runs the command line; an error is one line on standard error and exit status 2."""
    try:
        sys.exit(commands(arguments, prog_name="keras-simmim", standalone_mode=False))
    except BrokenPipeError:  # of what reads this, such as `head`
        sys.stdout = open(os.devnull, "w")  # or Python would complain when it ends
        sys.exit(1)
    except ConnectionError as error:
        click.echo(f"keras-simmim: {error}", err=True)
        sys.exit(1)
    except Stopped as error:
        click.echo(f"keras-simmim: {error}", err=True)
        sys.exit(128 + error.signal)
    except (click.ClickException, RunError, ImageFileError) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"keras-simmim: {' '.join(message.split())}", err=True)
        sys.exit(2)
    except OSError as error:
        what = f"{error.filename}: {error.strerror}." if error.filename else str(error)
        click.echo(f"keras-simmim: {' '.join(str(what).split())}", err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("keras-simmim: interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
