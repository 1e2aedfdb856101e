import numpy as np

from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.palette import PALETTE
from keras_simmim.reports.pictures import Pictures
from keras_simmim.reports.spotlight import as_pillow


def space_figure(seen: Pictures):
    """The map of the images: a dot for each, whose `customdata` is its row.

    By class where there are at most as many as colours, else by label; without labels a dot has the
    mean colour of its image.
    """
    (go,) = import_extra("plotly.graph_objects")
    labels, names = seen.source.labels, seen.source.class_names
    places = np.asarray(seen.places)
    rows = np.arange(len(places))

    def dots(chosen, color, name=None, **marker):
        return go.Scatter(
            x=places[chosen, 0],
            y=places[chosen, 1],
            customdata=rows[chosen],
            name=name,
            mode="markers",
            marker={"size": 6, "opacity": 0.85, "color": color, **marker},
            hoverinfo="none",
            showlegend=name is not None,
        )

    if labels is None:
        colors = [np.asarray(as_pillow(image)).mean(axis=(0, 1)) for image in seen.source.images]
        traces = [dots(rows, ["rgb({:.0f},{:.0f},{:.0f})".format(*color) for color in colors])]
    elif len(names) <= len(PALETTE):
        traces = [
            dots(rows[labels == label], PALETTE[label], name)
            for label, name in enumerate(names)
            if np.any(labels == label)
        ]
    else:
        traces = [dots(rows, labels, colorscale="Portland", showscale=False)]
    figure = go.Figure(traces)
    axis = {"visible": False}
    figure.update_layout(template=None, xaxis=axis, yaxis={**axis, "scaleanchor": "x"})
    return figure
