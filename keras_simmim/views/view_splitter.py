import keras
from keras import ops

from keras_simmim._numbers import (
    check_integer,
    check_number,
    check_pair,
    check_seed,
    check_size_pair,
)
from keras_simmim.views import color, resampling, sampling

# A uniform draw for each. All are made whatever is on, so that a seed gives the same crops to
# splitters that differ in their colours.
_DRAWS = (
    *("area", "ratio", "top", "left", "flip"),
    *("jitter", "brightness", "contrast", "saturation", "hue", "grayscale"),
    *("blur", "blur_sigma", "solarize"),
)

# Numbers in the matrices of a view: 128 MB, those of a view of 4,096 pixels squared.
_GREATEST_MATRICES = 2**25


@keras.saving.register_keras_serializable(package="keras_simmim")
class ViewSplitter(keras.layers.Layer):
    """Splits every image into random views: crop, resize, flip, colour jitter, blur, solarize.

    Every view of every image has draws of its own. The augmentations are those of SimCLR and
    BYOL, fused: crop, resize, flip and blur are one small matrix per axis, all changes of colour
    are one affine map, so a view costs two matrix products and a few passes over its pixels, on
    the device and inside a compiled training step.

    Where the results differ from torchvision's:

    - A crop longer than the image on one side is cut there, not drawn again; crop boxes are
      real-valued; the resize is Pillow's antialiased `BILINEAR` without its rounding.
    - Values are clipped to 0..255 once, at the end. Without clipping in between, the order of
      brightness, contrast, saturation and hue makes no difference, and none is drawn.
    - The hue turns in YIQ, which keeps the luma, not in HSV.
    - The Gaussian of the blur is not cut off, and at the border its part inside counts.

    Saturation, hue and grayscale need RGB: with another number of channels than 3 they are off,
    and the gray that contrast refers to is the mean of the channels. Computes in float32 under
    any dtype policy. An operation whose probability or strength is 0 is not computed.

    Args:
        num_views: number of views V of each image; methods that compare views need 2.
        crop_scale: least and greatest area of the crop, as a share of the image's.
        crop_ratio: least and greatest ratio of the crop's width to its height.
        view_size: height and width of the views in pixels, a pair or one integer for both; None:
            the image's own.
        flip: probability that a view is mirrored left to right.
        jitter: probability that brightness, contrast, saturation and hue of a view change.
        brightness: strength; the factor is uniform in `[max(0, 1 - strength), 1 + strength]`.
        contrast: strength likewise; the distance from the view's mean gray is scaled.
        saturation: strength likewise; the distance from the pixel's own gray is scaled.
        hue: strength in turns, at most 0.5; the hue turns by a share of the full circle uniform in
            `[-strength, strength]`.
        grayscale: probability that a view loses its colour.
        blur: probability that a view is blurred with a Gaussian.
        blur_sigma: least and greatest standard deviation of the Gaussian, in pixels of the view.
        solarize: probability that a view is solarized.
        solarize_threshold: the least value that solarizing inverts, 0..255.
        seed: integer, 0...2**31 - 1, for draws that repeat from one run to the next; None: others
            every time.

    Call arguments:
        images: `(B, H, W, C)`, uint8 or float, values 0..255. B may be unknown when a graph is
            built, the others not.
        seed: integer or `keras.random.SeedGenerator` used instead of the layer's own; an integer
            gives the same views at every call, as validation wants.

    Returns:
        Float32 tensor `(B, V, h, w, C)`, values 0..255.

    Raises:
        ValueError: for an argument out of its range, images that are not 4-dimensional or whose
            height, width or channels are unknown, or views and images of more than 4,096 pixels a
            side.

    Reference:
        Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"
        (arXiv 2002.05709), appendix A; solarize: Grill et al. 2020, "Bootstrap Your Own Latent"
        (arXiv 2006.07733), appendix B.
    """

    def __init__(
        self,
        *,
        num_views: int = 2,
        crop_scale: tuple[float, float] = (0.2, 1.0),
        crop_ratio: tuple[float, float] = (3 / 4, 4 / 3),
        view_size: int | tuple[int, int] | None = None,
        flip: float = 0.5,
        jitter: float = 0.8,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.4,
        hue: float = 0.1,
        grayscale: float = 0.2,
        blur: float = 0.0,
        blur_sigma: tuple[float, float] = (0.1, 2.0),
        solarize: float = 0.0,
        solarize_threshold: float = 128,
        seed: int | None = None,
        **kwargs,
    ):
        # bfloat16 has 8 significant bits: too few for gray levels and for positions in an image.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.num_views = check_integer(
            "num_views", num_views, advice=", and of at least 2 for views to be compared"
        )
        self.crop_scale = check_pair("crop_scale", crop_scale, most=1.0)
        self.crop_ratio = check_pair("crop_ratio", crop_ratio)
        if view_size is not None:
            view_size = check_size_pair(
                "view_size", view_size, advice=", or None for the images' own size"
            )
        self.view_size = view_size
        self.flip = check_number("flip", flip, 0, 1)
        self.jitter = check_number("jitter", jitter, 0, 1)
        self.brightness = check_number("brightness", brightness, 0)
        self.contrast = check_number("contrast", contrast, 0)
        self.saturation = check_number("saturation", saturation, 0)
        self.hue = check_number("hue", hue, 0, 0.5)
        self.grayscale = check_number("grayscale", grayscale, 0, 1)
        self.blur = check_number("blur", blur, 0, 1)
        self.blur_sigma = check_pair("blur_sigma", blur_sigma)
        self.solarize = check_number("solarize", solarize, 0, 1)
        self.solarize_threshold = check_number("solarize_threshold", solarize_threshold, 0, 255)
        self.seed = check_seed("seed", seed, optional=True)
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    def call(self, images, seed=None):
        batch_size = ops.shape(images)[0]
        image_size = self._image_size(images.shape)
        return self.apply(images, self.draw(batch_size, image_size, seed))

    def draw(self, batch_size, image_size: tuple[int, int], seed=None) -> dict:
        """Draws the parameters of the views of a batch of images.

        Args:
            batch_size: number of images B, an integer or a scalar tensor.
            image_size: their height and width, in pixels.
            seed: integer or `keras.random.SeedGenerator` used instead of the layer's own.

        Returns:
            Dictionary of tensors, for the operations that are on:
            `box` (B, V, 4), float: top, left, height and width of the crop, in pixels;
            `flip`, `grayscale`, `solarize` (B, V), boolean;
            `brightness`, `contrast`, `saturation` (B, V), float: factors, 1 for no change;
            `hue` (B, V), float: turns, 0 for no change;
            `blur_sigma` (B, V), float: pixels of the view, 0 for no blur.
        """
        uniform = sampling.draw(
            batch_size,
            (self.num_views, len(_DRAWS)),
            self.seed_generator if seed is None else seed,
        )
        u = dict(zip(_DRAWS, ops.unstack(uniform, len(_DRAWS), axis=-1), strict=True))
        parameters = {
            "box": sampling.crop_boxes(
                u["area"],
                u["ratio"],
                u["top"],
                u["left"],
                image_size,
                self.crop_scale,
                self.crop_ratio,
            )
        }
        if self.jitter:
            jittered = u["jitter"] < self.jitter
            for name in ("brightness", "contrast", "saturation"):
                strength = getattr(self, name)
                if strength:
                    parameters[name] = sampling.jitter_factors(u[name], jittered, strength)
            if self.hue:
                turns = sampling.between(u["hue"], -self.hue, self.hue)
                parameters["hue"] = ops.where(jittered, turns, 0.0)
        for name in ("flip", "grayscale", "solarize"):
            probability = getattr(self, name)
            if probability:
                parameters[name] = u[name] < probability
        if self.blur:
            sigma = sampling.between(u["blur_sigma"], *self.blur_sigma)
            parameters["blur_sigma"] = ops.where(u["blur"] < self.blur, sigma, 0.0)
        return parameters

    def apply(self, images, parameters: dict):
        """Makes the views with the given parameters.

        Args:
            images: `(B, H, W, C)`, uint8 or float, values 0..255.
            parameters: what `draw` returned; the operations of missing entries are left out.

        Returns:
            Float32 tensor `(B, V, h, w, C)`, values 0..255.
        """
        images = ops.cast(images, "float32")
        image_height, image_width = self._image_size(images.shape)
        height, width = self.view_size or (image_height, image_width)
        if height * image_height + width * image_width > _GREATEST_MATRICES:
            raise ValueError(
                "Matrices that make views as long as these images fill the memory: give a smaller "
                f"`view_size`. Received: view_size={self.view_size} for images of shape "
                f"{tuple(images.shape)}"
            )
        top, left, crop_height, crop_width = ops.unstack(parameters["box"], 4, axis=-1)
        rows = resampling.interpolation_matrices(top, crop_height, height, image_height)
        columns = resampling.interpolation_matrices(
            left, crop_width, width, image_width, parameters.get("flip")
        )
        if "blur_sigma" in parameters:
            sigma = parameters["blur_sigma"]
            blur = resampling.blur_matrices(sigma, height)
            rows = ops.matmul(blur, rows)
            if width != height:
                blur = resampling.blur_matrices(sigma, width)
            columns = ops.matmul(blur, columns)
        views = resampling.resample(images, rows, columns)  # (B, V, C, h, w)
        views = self._recolor(views, images, rows, columns, parameters)
        if "solarize" in parameters:
            views = color.solarize(views, parameters["solarize"], self.solarize_threshold)
        # Not ops.clip, whose tensor bounds make it three times as slow on torch.
        views = ops.minimum(ops.maximum(views, 0.0), 255.0)
        return ops.transpose(views, (0, 1, 3, 4, 2))

    def _recolor(self, views, images, rows, columns, parameters):
        contrast = parameters.get("contrast")
        saturation, hue = parameters.get("saturation"), parameters.get("hue")
        if images.shape[-1] != 3:
            saturation = hue = None
        elif "grayscale" in parameters:
            saturation = ops.where(
                parameters["grayscale"], 0.0, 1.0 if saturation is None else saturation
            )
        return color.recolor(
            views,
            None if contrast is None else resampling.mean_colors(images, rows, columns),
            brightness=parameters.get("brightness"),
            contrast=contrast,
            saturation=saturation,
            hue=hue,
        )

    def _image_size(self, images_shape) -> tuple[int, int]:
        if len(images_shape) != 4 or None in tuple(images_shape)[1:]:
            raise ValueError(
                "ViewSplitter takes images of shape (batch, height, width, channels), of which "
                "only the batch may be unknown: resize or crop images of different sizes to one "
                f"size before. Received: images of shape {tuple(images_shape)}"
            )
        return images_shape[1], images_shape[2]

    def compute_output_shape(self, input_shape):
        view_size = self.view_size or self._image_size(input_shape)
        return (input_shape[0], self.num_views, *view_size, input_shape[3])

    def get_config(self):
        config = super().get_config()
        del config["dtype"]
        return {
            **config,
            "num_views": self.num_views,
            "crop_scale": self.crop_scale,
            "crop_ratio": self.crop_ratio,
            "view_size": self.view_size,
            "flip": self.flip,
            "jitter": self.jitter,
            "brightness": self.brightness,
            "contrast": self.contrast,
            "saturation": self.saturation,
            "hue": self.hue,
            "grayscale": self.grayscale,
            "blur": self.blur,
            "blur_sigma": self.blur_sigma,
            "solarize": self.solarize,
            "solarize_threshold": self.solarize_threshold,
            "seed": self.seed,
        }
