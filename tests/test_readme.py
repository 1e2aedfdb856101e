"""What README.md and CONTRIBUTING.md name is there: attributes, options of commands, files."""

import ast
import json
import operator
import re
import shlex
import textwrap
from pathlib import Path

import pytest

import keras_simmim as ks
from keras_simmim.cli import commands

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CODE = re.findall(r"```\w*\n(.*?)```|`([^`]+)`", README, re.DOTALL)
LINES = [line for block in CODE for line in "".join(block).splitlines()]


in_checkout = pytest.mark.skipif(
    not (ROOT / "benchmarks").exists(), reason="the source archive leaves out the benchmarks"
)


def options_in(words):
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def test_attributes():
    names = set(re.findall(r"\bks((?:\.\w+)+)", README))
    assert len(names) > 25
    for name in names:
        operator.attrgetter(name[1:])(ks)


def test_options_of_the_command_line():
    lines = [line for line in LINES if line.startswith("keras-simmim ")]
    assert len(lines) > 12
    for line in lines:
        _, name, *words = shlex.split(line, comments=True)
        command = commands.commands[name]
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
        assert options_in(words) <= known, line


@in_checkout
def test_scripts_and_their_options():
    text = re.sub(r"\\?\n", " ", README)
    scripts = re.findall(r"`(?:``)?\s*python ((?:benchmarks|examples)/\w+\.py[^`]*)`", text)
    assert len(scripts) > 12
    for script in scripts:
        path, *words = shlex.split(script)
        source = (ROOT / path).read_text()
        for shared in ("trials", "command_line", "contest"):
            if re.search(rf"^ *from {shared} import", source, re.MULTILINE):
                source += (ROOT / f"benchmarks/{shared}.py").read_text()
        for option in options_in(words):
            assert f'"{option}"' in source, (script, option)


@in_checkout
@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_files(document):
    text = (ROOT / document).read_text()
    paths = set(re.findall(r"\b(?:examples|benchmarks|tests|tools)/[\w/.]*\w", text))
    assert len(paths) > 3
    for path in paths:
        assert (ROOT / path).exists(), path


def code_shown():
    """Python code that people read and copy, by where it stands."""
    shown = {}
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("saved_models/*/*.md")]:
        shown |= blocks_of(path)
    for path in (ROOT / "keras_simmim").rglob("*.py"):
        shown |= blocks_of(path)
    for path in ROOT.glob("examples/*.py"):
        shown[str(path)] = path.read_text()
    for path in ROOT.glob("examples/*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        shown[str(path)] = "\n".join(line for line in sources if not line.startswith(("!", "%")))
    return shown


def blocks_of(path):
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", path.read_text(), re.DOTALL | re.MULTILINE)
    return {f"{path}, {index}": textwrap.dedent(code) for index, (_, code) in enumerate(blocks)}


def test_ours_is_imported_first():
    """It chooses the backend that is installed, and TensorFlow's kernels."""
    both = 0
    for place, code in code_shown().items():
        imports = [
            (node.lineno, name.partition(".")[0])
            for node in ast.walk(ast.parse(code))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([node.module] if isinstance(node, ast.ImportFrom) else names_of(node))
        ]
        modules = [name for _, name in sorted(imports)]
        others = {"keras", "keras_cv", "keras_hub", "tensorflow"} & set(modules)
        if "keras_simmim" in modules and others:
            both += 1
            first = min(modules.index(name) for name in others)
            assert modules.index("keras_simmim") < first, place
    assert both >= (13 if (ROOT / "examples").exists() else 1)


def names_of(node):
    return [alias.name for alias in node.names]
