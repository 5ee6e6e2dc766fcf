"""PSPNet (Zhao et al. 2017): beside each pixel, the means of the image's bins, from all of it to a sixth a side."""
from typing import List, Union

import torch
from torch import nn

from dance_edge.models.backbones import make_backbone
from dance_edge.models.blocks import ConvBlock, OutputHead, bin_means, init_convolutions, resized

BINS = (1, 2, 3, 6)
WIDTH = 512
AUXILIARY_WIDTH = 256


class PyramidPooling(nn.Module):
    """PPM: the features beside their means over bins, each narrowed and brought back to the features' size."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList([ConvBlock(inputs, inputs // len(BINS), 1) for _ in BINS])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        means = [resized(level(bin_means(x, bins)), x) for level, bins in zip(self.levels, BINS)]
        return torch.cat([x] + means, dim=1)


class PSPNet(nn.Module):
    """(N, 3, H, W) to logits (N, num_classes, H/s, W/s), H and W multiples of s, the output stride: 8 or 16.

    In training mode a list: the output and an auxiliary output of the same size, from the backbone's third stage.
    `multi_scale` names the modules that bring features of several scales together (Fig. 4 of DANCE).
    """

    multi_scale = ("pyramid",)
    auxiliary_weights = (0.4,)  # section 5.1 of PSPNet

    def __init__(self, num_classes: int, backbone: str = "resnet50", output_stride: int = 8) -> None:
        super().__init__()
        self.stride = output_stride
        self.backbone = make_backbone(backbone, output_stride)
        middle, deep = self.backbone.channels[2:]
        self.pyramid = PyramidPooling(deep)
        self.output = OutputHead(2 * deep, WIDTH, num_classes)
        self.auxiliary = OutputHead(middle, AUXILIARY_WIDTH, num_classes)
        init_convolutions(self)

    def forward(self, x: torch.Tensor) -> Union[torch.Tensor, List[torch.Tensor]]:
        features = self.backbone(x)
        logits: torch.Tensor = self.output(self.pyramid(features[3]))
        return [logits, self.auxiliary(features[2])] if self.training else logits
