"""Times rivals in turn, A B A B ..., so that a drift of the machine's speed hits all alike.

Each rival is a process of its own that sets itself up, then measures one block of work whenever it
is told to. A rival ends with `serve(block)`; `contest` starts them and tells them.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Rival:
    """A process to measure.

    Attributes:
        name: how tables call it.
        command: program and arguments; it calls `serve`.
        environment: variables on top of this process's.
        cores: processors that it may use; None: all.
    """

    name: str
    command: list
    environment: dict = field(default_factory=dict)
    cores: tuple | None = None


def serve(block):
    """Measures blocks on demand: the last line of a rival.

    Args:
        block: makes one measurement and returns a dictionary of numbers.
    """
    print("ready", flush=True)
    for _ in sys.stdin:
        print("result " + json.dumps(block()), flush=True)


def run(parser, rival, compare, names=None):
    """The whole of a script: it compares, or is the rival that it was started as by `--rival`.

    Args:
        parser: the script's options.
        rival: from the options, with what was given as `rival`, to blocks that are served.
        compare: from the options to a table that is printed.
        names: of the rivals that there are; None: any.
    """
    parser.add_argument("--rival", choices=names, help=argparse.SUPPRESS)
    options = parser.parse_args()
    (rival if options.rival else compare)(options)


def contest(rivals, rounds=5):
    """Lets each rival measure a block in turn, several times.

    Args:
        rivals: list of `Rival`.
        rounds: blocks of each.

    Returns:
        `{name: [a dictionary for each round]}`.
    """
    processes = []
    try:
        for rival in rivals:
            processes.append(_start(rival))
            _answer(rival, processes[-1], "ready")
        results = {rival.name: [] for rival in rivals}
        for _ in range(rounds):
            for rival, process in zip(rivals, processes, strict=True):
                process.stdin.write("go\n")
                process.stdin.flush()
                results[rival.name].append(json.loads(_answer(rival, process, "result ")))
        return results
    finally:
        for process in processes:
            process.stdin.close()
            process.terminate()
            process.wait()


def peak():
    """The high-water mark of this process's resident memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reset_peak():
    """Sets the high-water mark back to what is resident now (Linux only), and returns it in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def medians(results, key):
    """The median of a number over the rounds, for each rival."""
    return {
        name: statistics.median(result[key] for result in rounds)
        for name, rounds in results.items()
    }


def ratio(results, key, first, second):
    """The median over the rounds of `first`'s number by `second`'s of the same round."""
    pairs = zip(results[first], results[second], strict=True)
    return statistics.median(a[key] / b[key] for a, b in pairs)


def _start(rival):
    command = [str(part) for part in rival.command]
    if rival.cores is not None:
        command = ["taskset", "-c", ",".join(map(str, rival.cores)), *command]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **rival.environment}
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _answer(rival, process, prefix):
    """The rest of the next line that begins with the prefix; others are passed over."""
    for line in process.stdout:
        if line.startswith(prefix):
            return line[len(prefix) :]
    raise RuntimeError(f"{rival.name} stopped: {' '.join(map(str, rival.command))}")
