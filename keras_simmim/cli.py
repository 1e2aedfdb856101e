"""The command line, `keras-simmim`: options in, errors in one line, exit status 2."""

import contextlib
import dataclasses
import io
import os
import sys
import time
from pathlib import Path

import click
import keras

from keras_simmim import __version__, _why_backend, distribution
from keras_simmim import backend as engine
from keras_simmim.datasets import ImageFileError
from keras_simmim.runs import RunConfig, RunError, compare, evaluate, pretrain

_BACKENDS = click.Choice(["tensorflow", "jax", "torch"])
_STARTED = time.monotonic()


def _config_options(exclude=()):
    """An option for every field of `RunConfig` that has a help text."""

    def decorate(command):
        for field in reversed(dataclasses.fields(RunConfig)):
            if "help" in field.metadata and field.name not in exclude:
                command = _option(field)(command)
        return command

    return decorate


def _option(field):
    help_text, default = field.metadata["help"], field.default
    name = "--" + field.name.replace("_", "-")
    if field.type is bool:
        name = f"{name}/--no-{field.name.replace('_', '-')}"
    return click.option(
        name,
        default=default,
        type=_type(field),
        help=help_text,
        show_default=default is not None and "[default" not in help_text,
    )


def _type(field):
    if field.metadata["choices"]:
        return click.Choice(field.metadata["choices"])
    kind = str(field.type)
    if kind.startswith("tuple"):
        return (float, float)
    if field.type is bool:
        return bool
    if "int" in kind:
        return click.IntRange(min=field.metadata["minimum"])
    if "float" in kind:
        return click.FloatRange(min=field.metadata["minimum"])
    return str


class _Devices(click.ParamType):
    name = "devices"

    def convert(self, value, parameter, context):
        if value == "auto":
            return value
        if value.isdecimal() and int(value) >= 1:
            return int(value)
        self.fail(f"a number from 1 on, or auto. Received: {value}", parameter, context)


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
    metavar="N|auto",
    type=_Devices(),
    help="Train on so many devices, or on all [default: on one].",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --output, as it was set up.")
@click.pass_context
def pretrain_command(context, backend, output, devices, resume, **options):
    """Pre-trains a method, SimMIM by default, and writes a run folder.

    The folder holds config.json, history.csv, TensorBoard logs, model.keras and encoder.keras.
    """
    if resume:
        if output is None:
            raise click.UsageError("--resume needs --output: the run folder to go on with.")
        config = RunConfig.from_json(output / "config.json")
        _check_same(context, config, options, backend)
        backend = config.backend
    else:
        _check_lengths(options)
        config = RunConfig(**options)
    _use_backend(backend)
    config.backend = keras.backend.backend()
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
        if engine.is_chief():
            pretrain(config, output, resume=resume, started=_STARTED, why_backend=why_backend)
            return
        # One process speaks for all.
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                pretrain(config, output, resume=resume, started=_STARTED)
            except RunError:
                sys.exit(2)


def _check_lengths(options):
    given = [name for name in ("epochs", "steps", "minutes") if options[name] is not None]
    if len(given) > 1:
        names = " and ".join(f"--{name}" for name in given)
        raise click.UsageError(f"{names} exclude each other: give one.")


def _check_same(context, config, options, backend):
    """A run goes on as it was set up: what is given again must not differ."""
    given = {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    if backend is not None:
        given["backend"] = backend
    for name, value in given.items():
        if value != getattr(config, name):
            raise click.UsageError(
                f"the run was set up with {name} = {getattr(config, name)}, and --resume goes on "
                f"with that. Received: {value}. Leave the option out, or start a new run."
            )


@commands.command("evaluate")
@click.argument("run", type=click.Path(exists=True, path_type=Path))
@click.option("--data", help="cifar10, sample or a folder of classes [default: the run's].")
@click.option("--test-data", help="Folder of classes to test on, where --data is a folder.")
@click.option("--data-dir", help="Where TensorFlow Datasets keeps CIFAR-10.")
@click.option("--k", type=click.IntRange(min=1), default=200, show_default=True, help="Neighbours.")
@click.option(
    "--temperature", type=float, default=0.1, show_default=True, help="Temperature of the votes."
)
@click.option("--batch-size", type=click.IntRange(min=1), default=512, show_default=True)
@click.option(
    "--num-views",
    type=click.IntRange(min=1),
    help="Average the features over so many views of each image, of a method's own splitter.",
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
    "--seeds", type=click.IntRange(min=1), default=2, show_default=True, help="Runs of a method."
)
@_config_options(exclude=("method", "seed"))
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
    """Pre-trains several methods alike and prints a table; takes the options of pretrain.

    Each method gets the same encoder, views, batch, time or steps, and seeds, one run after the
    other. mim, which needs tokens, gets a ViT and its own views. Writes table.csv and
    accuracy.png beside the run folders.
    """
    _use_backend(backend)
    _check_lengths(options)
    given = {
        name: value
        for name, value in options.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    compare(methods.split(","), seeds, output, given)


def main(arguments=None):
    """Runs the command line; an error is one line on standard error and exit status 2."""
    try:
        sys.exit(commands(arguments, prog_name="keras-simmim", standalone_mode=False))
    except ConnectionError as error:
        click.echo(f"keras-simmim: {error}", err=True)
        sys.exit(1)
    except (click.ClickException, RunError, ImageFileError) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"keras-simmim: {' '.join(message.split())}", err=True)
        sys.exit(2)
    except click.Abort:
        click.echo("keras-simmim: interrupted", err=True)
        sys.exit(130)
