"""Pooling and resizing in their exportable forms, against PyTorch's own."""
import io

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dance_edge.models.blocks import ConvBlock, bin_means, bin_weights, init_convolutions, resized


def test_bins_of_five_cells_in_three_and_of_two_in_six():
    like = torch.zeros(1)
    third, half = 1 / 3.0, 0.5
    assert torch.allclose(bin_weights(5, 3, like), torch.tensor(
        [[half, half, 0, 0, 0], [0, third, third, third, 0], [0, 0, 0, half, half]]))
    assert bin_weights(2, 6, like).tolist() == [[1, 0]] * 3 + [[0, 1]] * 3  # cells are repeated where bins are more


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
def test_bins_are_adaptive_poolings_at_any_size(bins):
    for height in range(1, 15):
        x = torch.rand(2, 3, height, 15 - height)
        assert torch.allclose(bin_means(x, bins), F.adaptive_avg_pool2d(x, bins), rtol=0, atol=1e-6), height


def test_bins_of_a_large_feature_map_keep_float32s_accuracy():
    x = torch.randn(1, 2, 128, 256) + 100.0
    exact = F.adaptive_avg_pool2d(x.double(), 6)
    assert (bin_means(x, 6).double() - exact).abs().max() < 1e-4  # a millionth


class Bins(nn.Module):
    def forward(self, x):
        return torch.cat([bin_means(x, bins).flatten(1) for bins in (1, 2, 3, 6)], dim=1)


@pytest.mark.parametrize("opset", [11, 13])
def test_bins_export_with_dynamic_height_and_width(opset):
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    buffer = io.BytesIO()
    options = {"dynamo": False} if hasattr(torch.onnx, "dynamo_export") or torch.__version__[0] == "2" else {}
    torch.onnx.export(Bins(), torch.rand(1, 2, 4, 4), buffer, opset_version=opset, input_names=["x"],
                      dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}}, **options)
    session = onnxruntime.InferenceSession(buffer.getvalue(), providers=["CPUExecutionProvider"])
    for size in ((7, 5), (2, 13), (64, 33)):
        x = torch.rand(2, 2, *size)
        got = session.run(None, {"x": x.numpy()})[0]
        wanted = torch.cat([F.adaptive_avg_pool2d(x, bins).flatten(1) for bins in (1, 2, 3, 6)], dim=1)
        assert np.allclose(got, wanted.numpy(), rtol=0, atol=1e-6)
    used = {node.op_type for node in onnx.load_model_from_string(buffer.getvalue()).graph.node}
    assert not used & {"Loop", "If", "Scan", "NonZero", "CumSum", "ScatterND"}  # TensorRT 8.2 lacks some of these


def test_a_convolution_keeps_the_size_at_any_dilation():
    for kernel, dilation in ((1, 1), (3, 1), (3, 6), (7, 2)):
        assert ConvBlock(2, 4, kernel, 1, dilation)(torch.rand(2, 2, 5, 4)).shape == (2, 4, 5, 4)
    assert ConvBlock(2, 4, 3, 2)(torch.rand(2, 2, 8, 4)).shape == (2, 4, 4, 2)


def test_resized_is_bilinear_with_half_pixel_centres():
    row = resized(torch.tensor([[[[0.0, 1.0]]]]), torch.zeros(1, 7, 1, 4))
    assert row.tolist() == [[[[0.0, 0.25, 0.75, 1.0]]]]


def test_first_weights_keep_the_scale_in_dense_and_depthwise_convolutions():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 128, 3, bias=False), nn.Conv2d(512, 512, 3, groups=512, bias=False))
    init_convolutions(network)
    assert network[0].weight.std().item() == pytest.approx((2 / (9 * 128.0)) ** 0.5, rel=0.05)
    assert network[1].weight.std().item() == pytest.approx((2 / 9.0) ** 0.5, rel=0.05)
