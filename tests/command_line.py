"""The command line, called in this process."""

import signal

import pytest

from keras_simmim import cli


def run(capsys, *arguments):
    """Exit status, output and errors of the command line."""
    handler = signal.getsignal(signal.SIGTERM)  # which `pretrain` replaces
    with pytest.raises(SystemExit) as exit:
        cli.main([str(argument) for argument in arguments])
    signal.signal(signal.SIGTERM, handler)
    captured = capsys.readouterr()
    return exit.value.code or 0, captured.out, captured.err
