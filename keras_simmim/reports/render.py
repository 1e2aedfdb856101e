import hashlib
import json
import re

from keras_simmim import __version__
from keras_simmim.reports.class_figures import class_figure, confusion_figure
from keras_simmim.reports.curves import curves
from keras_simmim.reports.data_uri import sprite
from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.palette import PALETTE
from keras_simmim.reports.run_report import RunReport
from keras_simmim.reports.space_figure import space_figure
from keras_simmim.reports.tiles import (
    MOST_VIEWS,
    attention_tiles,
    neighbor_tiles,
    reconstruction_tiles,
    view_tiles,
)

# What all thumbnails of a page may take together, with Plotly's 5 MB below 10.
_SPRITES_BYTES = 3_000_000


def render(runs: list[RunReport]) -> str:
    """One HTML page of one or several runs, side by side, that needs no other file and no network.

    Args:
        runs: at least one.

    Raises:
        ImportError: without the extra `report`, which the message names.
    """
    jinja2, markupsafe, offline = import_extra("jinja2", "markupsafe", "plotly.offline")
    figures: dict[str, dict] = {}
    sprites: dict[str, dict] = {}
    drawn = curves(runs)
    for index, curve in enumerate(drawn):
        curve["id"] = f"curve-{index}"
        figures[curve["id"]] = _plain(curve["figure"])
    budget = _SPRITES_BYTES // len(_sources(runs)) if _sources(runs) else 0
    seen = [_seen(run, index, figures, sprites, budget) for index, run in enumerate(runs)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_simmim.reports", "page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["flags"] = lambda text: _flags(markupsafe, text)
    return environment.get_template("page.html").render(
        runs=list(zip(runs, seen, strict=True)),
        curves=drawn,
        palette=PALETTE,
        figures=figures,
        sprites=sprites,
        plotly=offline.get_plotlyjs(),
        version=__version__,
    )


def _flags(markupsafe, text):
    """Text in which options of the command line are set as code."""
    return markupsafe.Markup(
        re.sub("--[a-z-]+", r"<code>\g<0></code>", str(markupsafe.escape(text)))
    )


def _sources(runs):
    """The images of all runs, each once: runs on the same data share their thumbnails."""
    return {_key(run.pictures) for run in runs if run.pictures is not None}


def _key(seen):
    images = seen.source.images
    return hashlib.sha256(images.tobytes()).hexdigest()[:16]


def _seen(run, index, figures, sprites, budget):
    """What the page shows of the model of a run; its figures and thumbnails go to their own."""
    seen = run.pictures
    if seen is None:
        return None
    source = seen.source
    ids = {}
    if seen.places is not None:
        ids["map"] = f"map-{index}"
        figures[ids["map"]] = {**_plain(space_figure(seen)), "sprite": _key(seen)}
        if _key(seen) not in sprites:
            address, width, height, columns = sprite(source.images, budget)
            labels = source.labels if source.labels is not None else []
            sprites[_key(seen)] = {
                "address": address,
                "width": width,
                "height": height,
                "columns": columns,
                "labels": [int(label) for label in labels],
                "names": source.class_names,
            }
    if seen.confusion is not None:
        names = source.class_names
        ids["confusion"], ids["classes"] = f"confusion-{index}", f"classes-{index}"
        figures[ids["confusion"]] = _plain(confusion_figure(seen.confusion, names))
        figures[ids["classes"]] = _plain(class_figure(seen.confusion, names))
    return {
        "ids": ids,
        "description": source.description,
        "labelled": source.labels is not None,
        "classes": len(source.class_names),
        "accuracy": 0
        if seen.confusion is None
        else seen.confusion.trace() / max(1, seen.confusion.sum()),
        "views": view_tiles(seen),
        "more_views": max(0, len(seen.views[0]) - MOST_VIEWS),
        "attention": [
            (layer, seen.distances[layer], maps.shape[2:], attention_tiles(seen, layer))
            for layer, maps in seen.attention.items()
        ],
        "neighbors": neighbor_tiles(seen),
        "reconstructions": reconstruction_tiles(seen),
    }


def _plain(figure):
    return json.loads(figure.to_json())
