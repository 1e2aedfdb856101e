from pathlib import Path

import keras
import numpy as np

from keras_simmim import evaluation
from keras_simmim.reports.drawn_views import drawn_views
from keras_simmim.reports.spotlight import as_pillow
from keras_simmim.runs.tensorboard_scalars import summary_writer

_SHEET_IMAGES = 8
# TensorBoard reads a sprite of at most 8,192 px a side.
_THUMBNAIL = 48


class TensorBoardPictures(keras.callbacks.Callback):
    """Gives TensorBoard a sheet of views when training begins and a map of features when it ends.

    The map is the projector's: embeddings with labels and thumbnails.

    Args:
        folder: where the event files go.
        images: NumPy `(N, H, W, C)`, 0...255; at most some thousands.
        names: what each image is called on the map; None: by its number.

    Raises:
        ImportError: without tensorboardX; the message names the extra.
    """

    def __init__(self, folder: Path, images: np.ndarray, names: list[str] | None = None):
        super().__init__()
        self.images = images
        self.names = names or [str(index) for index in range(len(images))]
        self.writer = summary_writer(folder)

    def on_train_begin(self, logs=None):
        images = self.images[:_SHEET_IMAGES]
        # Of one size, the views of the first splitter.
        count = self.model.view_splitters[0].num_views
        views = drawn_views(self.model, images)
        rows = [np.concatenate(list(of_image[:count]), axis=1) for of_image in views]
        sheet = np.asarray(as_pillow(np.concatenate(rows)))
        self.writer.add_image("views", sheet, 0, dataformats="HWC")
        self.writer.flush()

    def on_train_end(self, logs=None):
        # TensorBoard wants them square.
        side = min(_THUMBNAIL, *self.images.shape[1:3])
        thumbnails = [as_pillow(image).resize((side, side)) for image in self.images]
        sprites = np.stack([np.asarray(thumbnail) for thumbnail in thumbnails])
        # What tensorboardX fills the last rows of thumbnails up with is whatever was in memory.
        with np.errstate(all="ignore"):
            self.writer.add_embedding(
                evaluation.embed(self.model, self.images),
                metadata=self.names,
                label_img=sprites.transpose(0, 3, 1, 2) / 255,
                global_step=int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)),
                tag="features",
            )
        self.writer.close()
