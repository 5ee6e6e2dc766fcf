"""DeepLabv3+ (Chen et al. 2018): atrous spatial pyramid pooling, and a decoder that adds detail of stride 4.

The variant of the DANCE paper: dense 3x3 convolutions (no separable ones) in the pyramid and the decoder, which on
ResNet-50 at output stride 16 gives its 13.3 GMAC at 224x224 and its share of the header.
"""
from typing import List, Union

import torch
from torch import nn

from dance_edge.models.backbones import make_backbone
from dance_edge.models.blocks import ConvBlock, init_convolutions, pooled, resized

WIDTH = 256
DETAIL_WIDTH = 48
RATES = (6, 12, 18)  # at output stride 16; twice that at 8


class AtrousPyramid(nn.Module):
    """ASPP: a 1x1 convolution, 3x3 ones at three rates and the mean of the image, side by side, then mixed."""

    def __init__(self, inputs: int, rates: List[int]) -> None:
        super().__init__()
        self.point = ConvBlock(inputs, WIDTH, 1)
        self.atrous = nn.ModuleList([ConvBlock(inputs, WIDTH, 3, 1, rate) for rate in rates])
        self.image = ConvBlock(inputs, WIDTH, 1)
        self.project = ConvBlock(WIDTH * (len(rates) + 2), WIDTH, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = [self.point(x)] + [atrous(x) for atrous in self.atrous]
        branches.append(resized(self.image(pooled(x)), x))
        result: torch.Tensor = self.project(torch.cat(branches, dim=1))
        return result


class DeepLabV3Plus(nn.Module):
    """(N, 3, H, W) to logits (N, num_classes, H/4, W/4), H and W multiples of `output_stride`, 16 or 8.

    In training mode a list with the logits alone. `multi_scale` names the modules that bring features of several
    scales together (Fig. 4 of DANCE).
    """

    multi_scale = ("aspp",)

    def __init__(self, num_classes: int, backbone: str = "resnet50", output_stride: int = 16) -> None:
        super().__init__()
        self.stride = output_stride
        self.backbone = make_backbone(backbone, output_stride)
        shallow, deep = self.backbone.channels[0], self.backbone.channels[3]
        self.aspp = AtrousPyramid(deep, [rate * 16 // output_stride for rate in RATES])
        self.detail = ConvBlock(shallow, DETAIL_WIDTH, 1)
        self.decoder = nn.Sequential(ConvBlock(WIDTH + DETAIL_WIDTH, WIDTH), ConvBlock(WIDTH, WIDTH))
        self.classifier = nn.Conv2d(WIDTH, num_classes, 1)
        init_convolutions(self)

    def forward(self, x: torch.Tensor) -> Union[torch.Tensor, List[torch.Tensor]]:
        features = self.backbone(x)
        detail = self.detail(features[0])
        meaning = resized(self.aspp(features[3]), detail)
        logits: torch.Tensor = self.classifier(self.decoder(torch.cat([meaning, detail], dim=1)))
        return [logits] if self.training else logits
