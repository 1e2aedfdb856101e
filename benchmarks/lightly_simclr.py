"""The peer: lightly's SimCLR as shipped, with a CIFAR ResNet-18. It needs lightly's Python."""

import os

import torch
import torchvision_fix  # noqa: F401
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms import SimCLRTransform
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision.models.resnet import BasicBlock, conv1x1


class Views(Dataset):
    """Two views of each image, by lightly's transform without blur."""

    def __init__(self, images):
        self.images = images
        self.transform = SimCLRTransform(input_size=images.shape[1], gaussian_blur=0.0)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.images[index]))


def resnet18(width):
    """ResNet-18 of torchvision's blocks with the 3x3 stem of CIFAR, and its channels."""
    channels = width
    layers = [nn.Conv2d(3, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()]
    for stage, stride in enumerate((1, 2, 2, 2)):
        filters = width * 2**stage
        shortcut = None
        if filters != channels:
            shortcut = nn.Sequential(conv1x1(channels, filters, stride), nn.BatchNorm2d(filters))
        layers += [BasicBlock(channels, filters, stride, shortcut), BasicBlock(filters, filters)]
        channels = filters
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last), channels


class SimCLR:
    """Encoder, head, loss, optimizer and loader.

    Args:
        images: uint8 `(N, H, W, 3)`.
        width: channels of the encoder's first stage.
        batch_size: images of a step.
    """

    def __init__(self, images, width, batch_size):
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.encoder, channels = resnet18(width)
        head = SimCLRProjectionHead(channels, channels, 128)
        self.model = nn.Sequential(self.encoder, head).to(self.device)
        self.loss = NTXentLoss(temperature=0.5)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), 0.06 * batch_size / 128, momentum=0.9, weight_decay=5e-4
        )
        dataset = Views(images)
        # Endless: it is spared the wait between passes.
        sampler = RandomSampler(dataset, num_samples=10**9)
        workers = len(os.sched_getaffinity(0))
        self.batches = iter(DataLoader(dataset, batch_size, sampler=sampler, num_workers=workers))

    def step(self):
        """Trains on the next batch."""
        views = [v.to(self.device, memory_format=torch.channels_last) for v in next(self.batches)]
        value = self.loss(self.model(views[0]), self.model(views[1]))
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
