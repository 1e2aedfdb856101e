"""Imported before lightly: a torchvision built for another torch then imports, too."""

import torch

try:
    import torchvision  # noqa: F401
except RuntimeError:
    # It lacks these operators, which nothing here uses.
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
