import numpy as np

from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.palette import PALETTE

# More numbers than these don't fit into their cells.
_NUMBERED = 12
# Nor do more names along an axis.
_NAMED = 40


def confusion_figure(confusion: np.ndarray, names: list[str]):
    """What the votes take each class for, in percent of its images."""
    (go,) = import_extra("plotly.graph_objects")
    percent = 100 * confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    figure = go.Figure(
        go.Heatmap(
            z=percent,
            x=names,
            y=names,
            customdata=confusion,
            showscale=False,
            xgap=1,
            ygap=1,
            texttemplate="%{z:.0f}" if len(names) <= _NUMBERED else None,
            hovertemplate="%{y}, taken for %{x}: %{z:.1f}% (%{customdata} images)<extra></extra>",
        )
    )
    axis: dict = {"type": "category"}
    if len(names) <= _NAMED:
        axis["dtick"] = 1
    figure.update_layout(
        template=None,
        xaxis={**axis, "title": "taken for", "tickangle": -45},
        yaxis={**axis, "autorange": "reversed"},
    )
    return figure


def class_figure(confusion: np.ndarray, names: list[str]):
    """KNN accuracy of each class, the best on top."""
    (go,) = import_extra("plotly.graph_objects")
    counts = confusion.sum(axis=1)
    present = np.flatnonzero(counts)
    accuracy = 100 * confusion.diagonal()[present] / counts[present]
    order = np.argsort(accuracy)
    figure = go.Figure(
        go.Bar(
            x=accuracy[order],
            y=[names[row] for row in present[order]],
            customdata=counts[present][order],
            orientation="h",
            marker={"color": PALETTE[0]},
            texttemplate="%{x:.0f}",
            hovertemplate="%{y}: %{x:.1f}% of %{customdata} images<extra></extra>",
        )
    )
    figure.update_layout(
        template=None,
        xaxis={"range": [0, 100], "ticksuffix": "%"},
        yaxis={"type": "category", **({"dtick": 1} if len(names) <= _NAMED else {})},
    )
    return figure
