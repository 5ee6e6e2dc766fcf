import pytest
import torch

from dance_edge.models.backbones import EFFICIENTNET_LITE0, RESNETS, make_backbone


@pytest.mark.parametrize("name", RESNETS + (EFFICIENTNET_LITE0,))
@pytest.mark.parametrize("output_stride", [32, 16, 8])
def test_four_features_of_the_widths_it_says(name, output_stride, quick_weights):
    backbone = make_backbone(name, output_stride).eval()
    with torch.no_grad():
        features = backbone(torch.rand(1, 3, 64, 32))
    assert [tuple(one.shape) for one in features] == [
        (1, width, 64 // stride, 32 // stride)
        for width, stride in zip(backbone.channels, (min(one, output_stride) for one in (4, 8, 16, 32)))]
