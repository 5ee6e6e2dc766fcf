"""Which backbones there are by name."""
from typing import Any

from dance_edge.models.efficientnet_lite import EfficientNetLite0
from dance_edge.models.resnet import DEPTHS, ResNet

RESNETS = tuple(DEPTHS)
EFFICIENTNET_LITE0 = "efficientnet_lite0"


def make_backbone(name: str, output_stride: int = 32) -> Any:
    """The backbone `name` with fresh weights: a module that gives four features, and the list `channels` of widths."""
    return EfficientNetLite0(output_stride) if name == EFFICIENTNET_LITE0 else ResNet(name, output_stride)
