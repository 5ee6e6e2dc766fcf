"""ICNet (Zhao et al. 2018): the small image for meaning, the larger ones for detail, joined step by step.

As in that paper the medium and the small branch share their first layers, weights and work: the half-size image goes
through the backbone up to the first block of the second stage, and the features, halved, through the rest. The backbone
has its full width, so that ImageNet checkpoints load; the paper's is half as wide, compressed after training: here
slimming does that.
"""
from typing import List, Tuple, Union

import torch
from torch import nn
from torch.nn import functional as F

from dance_edge.models.backbones import make_backbone
from dance_edge.models.blocks import ConvBlock, bin_means, init_convolutions, resized

BINS = (1, 2, 3, 6)
LOW_WIDTH = 256
WIDTH = 128
DETAIL_WIDTHS = (32, 32, 64)


class PyramidPooling(nn.Module):
    """PPM: the features plus their means over bins, brought back to the features' size and summed, then projected.

    By a convolution of 3x3, as PSPNet's own: with the 1x1 of ICNet's authors, whose backbone is half as wide, the head
    would be 4 % of the weights, and slimming it would leave the network as large as it was.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.project = ConvBlock(inputs, outputs, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x
        for bins in BINS:
            total = total + resized(bin_means(x, bins), x)
        result: torch.Tensor = self.project(total)
        return result


class CascadeFusion(nn.Module):
    """CFF: coarse features at the fine ones' size, both brought to one width by convolutions, and added."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.coarse = nn.Sequential(nn.Conv2d(coarse, WIDTH, 3, 1, 2, 2, bias=False), nn.BatchNorm2d(WIDTH))
        self.fine = nn.Sequential(nn.Conv2d(fine, WIDTH, 1, bias=False), nn.BatchNorm2d(WIDTH))

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        return F.relu(self.coarse(resized(coarse, fine)) + self.fine(fine))


class ICNet(nn.Module):
    """(N, 3, H, W) to logits (N, num_classes, H/4, W/4), H and W multiples of 32.

    In training mode a list: the output and the outputs of the medium and the small branch, at H/8 and H/16, as each
    enters its fusion. `multi_scale` names the modules that bring features of several scales together (Fig. 4 of DANCE).
    """

    stride = 32
    multi_scale = ("pyramid", "fusion16", "fusion8")
    auxiliary_weights = (0.4, 0.16)  # the weights of ICNet's authors

    def __init__(self, num_classes: int, backbone: str = "resnet50") -> None:
        super().__init__()
        self.backbone = make_backbone(backbone, output_stride=8)
        first, second, third = DETAIL_WIDTHS
        self.detail = nn.Sequential(ConvBlock(3, first, 3, 2), ConvBlock(first, second, 3, 2),
                                    ConvBlock(second, third, 3, 2))
        self.pyramid = PyramidPooling(self.backbone.channels[3], LOW_WIDTH)
        self.fusion16 = CascadeFusion(LOW_WIDTH, self.backbone.channels[1])
        self.fusion8 = CascadeFusion(WIDTH, third)
        self.classifier = nn.Conv2d(WIDTH, num_classes, 1)
        self.auxiliary8 = nn.Conv2d(WIDTH, num_classes, 1)
        self.auxiliary16 = nn.Conv2d(LOW_WIDTH, num_classes, 1)
        init_convolutions(self)

    def forward(self, x: torch.Tensor) -> Union[torch.Tensor, List[torch.Tensor]]:
        medium, small = self._branches(F.avg_pool2d(x, 2))  # by two, a mean is what bilinear gives
        fine = self.detail(x)                               # (N, 64, H/8, W/8)
        fused16 = self.fusion16(small, medium)              # (N, 128, H/16, W/16)
        fused8 = self.fusion8(fused16, fine)                # (N, 128, H/8, W/8)
        # A 1x1 convolution commutes with bilinear resizing: logits are resized, not features, here and below.
        small_logits = self.classifier(fused8)
        logits: torch.Tensor = F.interpolate(small_logits, scale_factor=2.0, mode="bilinear", align_corners=False)
        if not self.training:
            return logits
        return [logits, resized(self.auxiliary8(fused16), fine), resized(self.auxiliary16(small), medium)]

    def _branches(self, half: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        """From the half-size image: features of the medium branch at H/16 and of the small one at H/32."""
        first, *others = self.backbone.layer2
        medium = first(self.backbone.layer1(self.backbone.stem(half)))
        x = F.avg_pool2d(medium, 2)
        for block in others:
            x = block(x)
        return medium, self.pyramid(self.backbone.layer4(self.backbone.layer3(x)))
