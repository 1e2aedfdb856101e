"""ResNet-18 and ViT in plain torch, with their training step: rivals of `train_step.py`."""

import math

import torch
from torch import nn
from torch.nn import functional as F


class ConvNorm(nn.Sequential):
    def __init__(self, channels, filters, size, stride):
        conv = nn.Conv2d(channels, filters, size, stride, padding=size // 2, bias=False)
        nn.init.kaiming_normal_(conv.weight)
        super().__init__(conv, nn.BatchNorm2d(filters))


class BasicBlock(nn.Module):
    def __init__(self, channels, filters, stride):
        super().__init__()
        same = channels == filters
        self.shortcut = nn.Identity() if same else ConvNorm(channels, filters, 1, stride)
        self.conv_1 = ConvNorm(channels, filters, 3, stride)
        self.conv_2 = ConvNorm(filters, filters, 3, 1)

    def forward(self, x):
        y = F.relu(self.conv_1(x), inplace=True)
        return F.relu(self.conv_2(y) + self.shortcut(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self, width, stem_stride):
        super().__init__()
        self.stem = ConvNorm(3, width, 3, stem_stride)
        blocks, channels = [], width
        for stage in range(4):
            filters = width * 2**stage
            blocks.append(BasicBlock(channels, filters, stride=2 if stage else 1))
            blocks.append(BasicBlock(filters, filters, stride=1))
            channels = filters
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, 128)
        self.to(memory_format=torch.channels_last)

    def forward(self, images):  # (B, H, W, 3)
        # To torch a permuted tensor is one in its channels_last memory format: nothing is copied.
        x = images.permute(0, 3, 1, 2)
        x = self.blocks(F.relu(self.stem(x), inplace=True))
        return self.head(x.mean((2, 3)))


class TransformerBlock(nn.Module):
    def __init__(self, width, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.norm_1 = nn.LayerNorm(width, eps=1e-6)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm_2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, tokens):  # (B, T, F)
        x = self.query_key_value(self.norm_1(tokens))
        x = x.unflatten(-1, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, heads, T, f)
        x = F.scaled_dot_product_attention(*x.unbind())
        tokens = tokens + self.projection(x.transpose(1, 2).flatten(2))
        return tokens + self.mlp(self.norm_2(tokens))


class ViT(nn.Module):
    def __init__(self, width=192, depth=6, num_heads=3, patch=4, grid=8):
        super().__init__()
        self.patch = patch
        self.embedding = nn.Linear(3 * patch**2, width)
        self.register_buffer("positions", sincos_positions(grid, width), persistent=False)
        self.blocks = nn.Sequential(*(TransformerBlock(width, num_heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 128)

    def forward(self, images):  # (B, H, W, 3)
        x = images.unflatten(1, (-1, self.patch)).unflatten(3, (-1, self.patch))
        tokens = self.embedding(x.transpose(2, 3).flatten(3).flatten(1, 2))  # (B, T, F)
        tokens = tokens + self.positions.to(tokens.dtype)
        return self.head(self.norm(self.blocks(tokens)).mean(1))


def sincos_positions(grid, width):
    count = width // 4
    angles = torch.arange(grid)[:, None] * torch.exp(
        torch.arange(count) * (-math.log(10000) / count)
    )
    side = torch.cat([angles.sin(), angles.cos()], -1)  # (grid, width / 2)
    columns, rows = side.repeat(grid, 1), side.repeat_interleave(grid, 0)
    return torch.cat([columns, rows], -1)  # (grid * grid, width)


def torch_step(encoder, precision, images, targets, width, stem_stride):
    """A function that makes a step and returns the loss, and the number of its parameters.

    On a GPU where there is one, as Keras's.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = (ResNet(width, stem_stride) if encoder == "resnet" else ViT()).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images, targets = torch.from_numpy(images).to(device), torch.from_numpy(targets).to(device)

    def step():
        optimizer.zero_grad()
        standardized = (images - 127.5) / 64
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            outputs = model(standardized)
        loss = F.mse_loss(outputs.float(), targets)
        loss.backward()
        optimizer.step()
        return loss.item()

    # With the moving statistics of batch norm, without its counter of steps.
    weights = (x for x in model.state_dict().values() if x.is_floating_point())
    return step, sum(x.numel() for x in weights)
