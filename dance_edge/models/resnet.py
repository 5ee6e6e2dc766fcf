"""ResNet backbones (He et al. 2016) with torchvision's parameter names: its ImageNet checkpoints load as they are.

Bottlenecks have their stride on the 3x3 convolution, as torchvision's have.
"""
from typing import Dict, List, NamedTuple, Optional, Tuple, Type, Union

import torch
from torch import nn


class Walk(NamedTuple):
    """How a block or a stage goes over its input: its stride, and the dilations up to there and from there on."""

    stride: int
    first_dilation: int = 1
    dilation: int = 1


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18, ResNet-34)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, walk: Walk, downsample: Optional[nn.Module]) -> None:
        super().__init__()
        first, rest = walk.first_dilation, walk.dilation
        self.conv1 = nn.Conv2d(inputs, width, 3, walk.stride, first, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, rest, rest, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        result: torch.Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return result


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions and a shortcut (ResNet-50, ResNet-101)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, walk: Walk, downsample: Optional[nn.Module]) -> None:
        super().__init__()
        first = walk.first_dilation
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, walk.stride, first, first, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        result: torch.Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return result


Block = Union[Type[BasicBlock], Type[Bottleneck]]
DEPTHS: Dict[str, Tuple[Block, List[int]]] = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
    "resnet101": (Bottleneck, [3, 4, 23, 3]),
}


class ResNet(nn.Module):
    """Features of the four stages for an image (N, 3, H, W); `channels` holds their widths.

    Their strides are 4, 8, 16 and 32, none above `output_stride` (32, 16 or 8): where a stage would pass it, its
    stride becomes a dilation of what follows.
    """

    def __init__(self, name: str, output_stride: int = 32) -> None:
        super().__init__()
        block, depths = DEPTHS[name]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.channels = [width * block.expansion for width in (64, 128, 256, 512)]
        inputs = [64] + self.channels[:3]
        self.layer1 = _stage(block, inputs[0], 64, depths[0], Walk(1))
        self.layer2 = _stage(block, inputs[1], 128, depths[1], Walk(2))
        self.layer3 = _stage(block, inputs[2], 256, depths[2], _walk(16, output_stride))
        self.layer4 = _stage(block, inputs[3], 512, depths[3], _walk(32, output_stride))

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """What comes before the stages: (N, 3, H, W) to (N, 64, H/4, W/4)."""
        result: torch.Tensor = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return result

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        x = self.stem(x)
        features = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features


def _walk(stride: int, output_stride: int) -> Walk:
    """For a stage that would end at `stride`: what stood before its own stride keeps the spacing it had."""
    dilation = stride // output_stride
    return Walk(2) if dilation <= 1 else Walk(1, dilation // 2, dilation)


def _stage(block: Block, inputs: int, width: int, depth: int, walk: Walk) -> nn.Sequential:
    outputs = width * block.expansion
    downsample = None
    if walk.stride != 1 or inputs != outputs:
        downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, walk.stride, bias=False), nn.BatchNorm2d(outputs))
    on = Walk(1, walk.dilation, walk.dilation)
    return nn.Sequential(block(inputs, width, walk, downsample),
                         *[block(outputs, width, on, None) for _ in range(depth - 1)])
