"""BiSeNet (Yu et al. 2018): a spatial path for detail, a context path for meaning, a fusion of both."""
from typing import List, Union

import torch
from torch import nn
from torch.nn import functional as F

from dance_edge.models.backbones import make_backbone
from dance_edge.models.blocks import ConvBlock, OutputHead, init_convolutions, pooled


class AttentionRefinement(nn.Module):
    """ARM: a 3x3 block whose channels are weighed by what the whole image holds."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvBlock(inputs, outputs)
        self.attention = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        result: torch.Tensor = x * torch.sigmoid(self.bn(self.attention(pooled(x))))
        return result


class FeatureFusion(nn.Module):
    """FFM: the two paths side by side, mixed, and weighed by channel."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvBlock(inputs, outputs, 1)
        self.squeeze = nn.Conv2d(outputs, outputs // 4, 1, bias=False)
        self.excite = nn.Conv2d(outputs // 4, outputs, 1, bias=False)

    def forward(self, spatial: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        x = self.conv(torch.cat([spatial, context], dim=1))
        weight = torch.sigmoid(self.excite(F.relu(self.squeeze(pooled(x)))))
        result: torch.Tensor = x + x * weight
        return result


class BiSeNet(nn.Module):
    """(N, 3, H, W) to logits (N, num_classes, H/8, W/8), H and W multiples of 32.

    In training mode a list: the output and two auxiliary outputs at H/8 and H/16, weighed equally by the loss.
    `multi_scale` names the modules that bring features of several scales together (Fig. 4 of DANCE).
    """

    stride = 32
    multi_scale = ("arm16", "arm32", "average", "fusion")

    def __init__(self, num_classes: int, backbone: str = "resnet18") -> None:
        super().__init__()
        self.backbone = make_backbone(backbone)
        self.spatial = nn.Sequential(ConvBlock(3, 64, 7, 2), ConvBlock(64, 64, 3, 2), ConvBlock(64, 64, 3, 2),
                                     ConvBlock(64, 128, 1))
        middle, deep = self.backbone.channels[2:]
        self.arm16 = AttentionRefinement(middle, 128)
        self.arm32 = AttentionRefinement(deep, 128)
        self.average = ConvBlock(deep, 128, 1)
        self.refine16 = ConvBlock(128, 128)
        self.refine32 = ConvBlock(128, 128)
        self.fusion = FeatureFusion(256, 256)
        self.output = OutputHead(256, 256, num_classes)
        self.auxiliary8 = OutputHead(128, 64, num_classes)
        self.auxiliary16 = OutputHead(128, 64, num_classes)
        init_convolutions(self)

    def forward(self, x: torch.Tensor) -> Union[torch.Tensor, List[torch.Tensor]]:
        _, eighth, sixteenth, thirtysecond = self.backbone(x)
        context = self.arm32(thirtysecond) + self.average(pooled(thirtysecond))  # broadcast over H/32, W/32
        context16 = self.refine32(F.interpolate(context, size=sixteenth.shape[2:], mode="nearest"))
        context = self.arm16(sixteenth) + context16
        context8 = self.refine16(F.interpolate(context, size=eighth.shape[2:], mode="nearest"))
        logits = self.output(self.fusion(self.spatial(x), context8))
        if not self.training:
            return logits  # type: ignore[no-any-return]
        return [logits, self.auxiliary8(context8), self.auxiliary16(context16)]
