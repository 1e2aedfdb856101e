"""Which files count as images: what the installed Pillow, with its plugins, opens of photos."""

import contextlib
import importlib
from collections.abc import Mapping

from PIL import Image, features

# Formats of photos by Pillow's names. Others that it opens are none: pages and drawings (EPS, WMF),
# video (MPEG, FLI), measurements (FITS, GRIB, BUFR, HDF5), icons (ICO, ICNS, CUR, XBM, XPM),
# textures and brushes (DDS, BLP, FTEX, GBR), and what ends like other things (PCD, of point clouds,
# too; IM). PSD is mostly what a photo that lies beside it was made from.
PHOTO_FORMATS = (
    *("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "JXL", "MPO", "PCX", "PNG", "PPM"),
    *("QOI", "SGI", "TGA", "TIFF", "WEBP"),
)
# Extensions of these formats that are mostly something else, or hold floats of unknown range.
_OTHER_THINGS = {".bw", ".rgb", ".rgba", ".icb", ".vda", ".vst", ".pfm"}
# Formats that Pillow may have been built without, and what it calls that part of it.
_PARTS = {"AVIF": "avif", "JPEG2000": "jpg_2000", "WEBP": "webp"}
# Plugins of Pillow and how they are made known to it; None: by their import.
_PLUGINS = {"pillow_heif": "register_heif_opener", "pillow_jxl": None}

_INSTALL = "`pip install {}`, and they are read"
_RAW = ".3fr .arw .cr2 .cr3 .dng .erf .kdc .mrw .nef .nrw .orf .pef .raf .rw2 .sr2 .srf .srw"
# What looks like an image but may not be read, and what to do.
_ADVICE = (
    (".heic .heics .heif .heifs .hif", _INSTALL.format("pillow-heif")),
    (".jxl", _INSTALL.format("pillow-jxl-plugin")),
    (".avif .avifs .webp .jp2 .j2k .jpf .jpx", "install a Pillow that was built with them"),
    (_RAW, "develop them to JPEG, PNG or TIFF"),
    (".psd .psb .xcf", "save them as JPEG, PNG or TIFF"),
    (".exr .hdr .pfm", "bring their floats to 0...255 and save them as PNG"),
)
LOOK_LIKE_IMAGES = frozenset(ending for endings, _ in _ADVICE for ending in endings.split())


def photo_extensions() -> frozenset[str]:
    """Returns the extensions of files that count as images, in lower case, with their dots."""
    for plugin, register in _PLUGINS.items():
        with contextlib.suppress(ImportError):
            module = importlib.import_module(plugin)
            if register is not None:
                getattr(module, register)()
    return frozenset(
        extension
        for extension, form in Image.registered_extensions().items()
        if form in PHOTO_FORMATS and extension not in _OTHER_THINGS and _opens(form)
    )


def _opens(form):
    # Pillow opens pairs of JPEGs as JPEG.
    if form not in Image.OPEN and not (form == "MPO" and "JPEG" in Image.OPEN):
        return False
    part = _PARTS.get(form)
    return part not in (*features.modules, *features.codecs) or features.check(part)


def what_was_left_out(counts: Mapping[str, int]) -> str:
    """Returns in words what looks like images but is none that can be read, and what to do.

    Args:
        counts: number of files by extension, each of `LOOK_LIKE_IMAGES`.
    """
    listed = ", ".join(f"{count:,} {ending}" for ending, count in sorted(counts.items()))
    advice = []
    for endings, what in _ADVICE:
        if found := [ending for ending in endings.split() if ending in counts]:
            advice.append(f"{', '.join(found)}: {what}")
    return f"files that look like images are left out ({listed}). Of {'; '.join(advice)}."
