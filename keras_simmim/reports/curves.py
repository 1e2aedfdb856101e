import math
from typing import NamedTuple

import numpy as np

from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.palette import PALETTE
from keras_simmim.reports.run_report import RunReport


class _Curve(NamedTuple):
    title: str
    note: str
    factor: float = 1.0
    form: str = ".4f"
    unit: str = ""


_CURVES = {
    "loss": _Curve("Loss", "What training minimises."),
    "knn_accuracy": _Curve("kNN accuracy", "Neighbours in the features vote.", 100, ".1f", "%"),
    "contrastive_accuracy": _Curve(
        "Contrastive accuracy", "Views of one image find each other.", 100, ".1f", "%"
    ),
    "learning_rate": _Curve("Learning rate", "At the end of each epoch.", 1, ".3~g"),
    "embedding_std": _Curve("Spread of embeddings", "Over a batch; 0 where they collapse."),
    "rankme": _Curve("RankMe", "Dimensions that the features use.", 1, ".1f"),
    "images_per_second": _Curve("Images per second", "Trained on.", 1, ",.0f"),
    "input_wait": _Curve("Wait for input", "Share of time without images.", 100, ".3f", "%"),
}


def curves(runs: list[RunReport]) -> list[dict]:
    """Figures of what was logged, one for each name, with a line for each run.

    Returns:
        Dictionaries with `title`, `note` and the Plotly `figure`.
    """
    (go,) = import_extra("plotly.graph_objects")
    longest = max(len(values) for run in runs for values in run.history.values())
    drawn = []
    for name, curve in _CURVES.items():
        traces = [_line(go, name, curve, run, index) for index, run in enumerate(runs)]
        traces = [trace for trace in traces if len(trace.x)]
        if traces:
            figure = go.Figure(traces)
            figure.update_layout(template=None, yaxis_ticksuffix=curve.unit)
            figure.update_xaxes(title="epoch", tick0=1, dtick=-(-longest // 8))
            drawn.append({"title": curve.title, "note": curve.note, "figure": figure})
    trajectories = [_trajectory(go, run, index) for index, run in enumerate(runs)]
    trajectories = [trace for trace in trajectories if len(trace.x)]
    if trajectories:
        figure = go.Figure(trajectories)
        figure.update_layout(
            template=None, xaxis_title="uniformity", yaxis_title="alignment", hovermode="closest"
        )
        note = "Lower left is better; a larger dot ends it."
        drawn.append({"title": "Alignment against uniformity", "note": note, "figure": figure})
    return drawn


def _line(go, name, curve, run, index):
    values = run.history.get(name, [])
    known = [(epoch, x) for epoch, x in enumerate(values, start=1) if math.isfinite(x)]
    return go.Scatter(
        x=np.array([epoch for epoch, _ in known]),
        y=np.array([curve.factor * x for _, x in known]),
        name=run.name,
        mode="lines+markers" if len(known) <= 40 else "lines",
        line={"color": PALETTE[index % len(PALETTE)], "width": 2},
        marker={"size": 5},
        hovertemplate=f"epoch %{{x}}: %{{y:{curve.form}}}{curve.unit}<extra>{run.name}</extra>",
    )


def _trajectory(go, run, index):
    rows = zip(run.history.get("uniformity", []), run.history.get("alignment", []), strict=False)
    known = [(epoch, *row) for epoch, row in enumerate(rows, start=1) if np.all(np.isfinite(row))]
    epochs, uniformity, alignment = np.array(known).T if known else np.zeros((3, 0))
    return go.Scatter(
        x=uniformity,
        y=alignment,
        name=run.name,
        customdata=epochs,
        mode="lines+markers",
        line={"color": PALETTE[index % len(PALETTE)], "width": 2},
        marker={"size": [5] * (len(known) - 1) + [11]},
        hovertemplate="epoch %{customdata}<br>uniformity %{x:.3f}<br>alignment %{y:.3f}"
        f"<extra>{run.name}</extra>",
    )
