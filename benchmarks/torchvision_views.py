"""Views by torchvision, made once and stored. It needs lightly's Python.

    PEER/bin/python benchmarks/torchvision_views.py IMAGES.npy VIEWS.npy --num-views 4 --seed 0

`IMAGES.npy`: uint8 `(N, H, W, 3)`; `VIEWS.npy`: uint8 `(N, V, H, W, 3)`. The operations and
strengths are the defaults of `keras-simmim pretrain`, each done torchvision's way: crops drawn
again where they do not fit, jitter in random order with a clip after each change, hue in HSV.
"""

import argparse

import numpy as np
import torch
import torchvision_fix  # noqa: F401
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Views(Dataset):
    """All views of an image, uint8 `(V, H, W, 3)`."""

    def __init__(self, images, num_views):
        self.images = images
        self.num_views = num_views
        jitter = transforms.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(images.shape[1:3], scale=(0.2, 1.0)),
                transforms.RandomHorizontalFlip(),
                transforms.RandomApply([jitter], p=0.8),
                transforms.RandomGrayscale(p=0.2),
            ]
        )

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index])
        return np.stack([np.asarray(self.transform(image)) for _ in range(self.num_views)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images")
    parser.add_argument("views")
    parser.add_argument("--num-views", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    batches = DataLoader(Views(np.load(options.images), options.num_views), 500, num_workers=2)
    np.save(options.views, torch.cat(list(batches)).numpy())


if __name__ == "__main__":
    main()
