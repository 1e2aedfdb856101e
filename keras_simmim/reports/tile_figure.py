import numpy as np

from keras_simmim.reports.libraries import import_extra
from keras_simmim.reports.spotlight import as_pillow

_INCHES = 1.1


def tile_figure(rows: list[list[np.ndarray]], titles: list[list[str]]):
    """A Matplotlib figure of images in rows, each below its title.

    A notebook shows it once, where it is returned: pyplot, by which notebooks learn to show
    figures, has made and closed it.

    Args:
        rows: images `(H, W, C)`, 0...255, as many in each row.
        titles: those of the images.
    """
    (pyplot,) = import_extra("matplotlib.pyplot")
    columns = len(rows[0])
    figure = pyplot.figure(
        figsize=(_INCHES * columns, 1.2 * _INCHES * len(rows)), layout="constrained"
    )
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, images, names in zip(axes, rows, titles, strict=True):
        for axis, image, name in zip(line, images, names, strict=True):
            axis.imshow(as_pillow(image))
            axis.set_title(name, fontsize=8, pad=2)
            axis.set_axis_off()
    pyplot.close(figure)
    return figure
