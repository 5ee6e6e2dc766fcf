"""What every network has to stand: export with sizes of its own, and channels taken out."""
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.export.to_onnx import trace
from dance_edge.models.catalog import stride_of
from dance_edge.models.deployed import full_logits, outputs_of
from dance_edge.models.resnet import BasicBlock, Bottleneck
from dance_edge.pruning.groups import ChannelGraph


class Last(nn.Module):
    """A backbone's last feature alone."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone

    def forward(self, x):
        return self.backbone(x)[-1]


def _settle(network, images):
    """BatchNorm statistics of some scenes, so that activations keep their scale in eval mode too.

    Blocks add a fifth to their shortcuts, as in trained networks: with fresh weights fifty layers amplify rounding to
    2e-5 of the largest logit in PyTorch itself, held against float64.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        if isinstance(module, (BasicBlock, Bottleneck)):
            nn.init.constant_((module.bn3 if isinstance(module, Bottleneck) else module.bn2).weight, 0.2)
    with torch.no_grad():
        network.train()(images)
    return network.eval()


@pytest.fixture(autouse=True)
def same_weights():
    """Networks and images are the same in every run."""
    torch.manual_seed(0)


@pytest.fixture
def quick_weights(monkeypatch):
    """Networks are built with whatever lies in memory for weights: for tests of shapes alone."""
    for name in ("kaiming_normal_", "kaiming_uniform_"):
        monkeypatch.setattr(nn.init, name, lambda weight, *args, **kwargs: weight)


@pytest.fixture
def last():
    """A backbone as a network of one output."""
    return Last


@pytest.fixture
def check_shapes():
    """Logits at 1/`at` of sizes that are odd and even multiples of the stride, in training mode `auxiliary` outputs."""
    def check(network, at, auxiliary=()):
        stride = stride_of(network)
        for batch, high, wide in ((2, 2, 2), (2, 3, 5)):
            size = (high * stride, wide * stride)
            outputs = network.train()(torch.rand(batch, 3, *size))
            assert isinstance(outputs, list)
            assert [tuple(one.shape) for one in outputs] == [
                (batch, 5, size[0] // k, size[1] // k) for k in (at,) + tuple(auxiliary)]
        for high, wide in ((2, 2), (5, 3), (4, 7)):
            with torch.no_grad():
                logits = network.eval()(torch.rand(1, 3, high * stride, wide * stride))
            assert logits.shape == (1, 5, high * stride // at, wide * stride // at)

    return check


@pytest.fixture
def check_export(switch_manifest, scenes):
    """onnxruntime gives the logits of PyTorch at sizes and a batch that were never traced."""
    onnxruntime = pytest.importorskip("onnxruntime")

    def check(network, opset):
        content = trace(_settle(network, scenes(6, (64, 64))), switch_manifest(), "logits", opset)
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        agree = []
        for batch, height, width in ((1, 160, 96), (2, 64, 128)):
            images = scenes(batch, (height, width))
            with torch.no_grad():
                wanted = full_logits(network.eval(), images).numpy()
            got = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
            assert got.shape == wanted.shape == (batch, 5, height, width)
            assert np.abs(got - wanted).max() <= 1e-4 * np.abs(wanted).max()
            assert len(np.unique(wanted.argmax(axis=1))) > 1  # else the next line says nothing
            agree.append((got.argmax(axis=1) == wanted.argmax(axis=1)).ravel())
        assert np.mean(np.concatenate(agree)) >= 0.9999

    return check


@pytest.fixture
def check_pruning():
    """Every group of `scope` loses half its channels: all of them are found, and what is left runs and learns."""
    def check(network, scope):
        stride = stride_of(network)
        graph = ChannelGraph(network, stride, scope)
        groups = graph.groups()
        norms = {name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm2d)
                 and (scope == "all" or not name.startswith("backbone"))}
        names = {module: name for name, module in network.named_modules()}
        assert {names[module] for group in groups for module, _channels in group.batchnorms} == norms
        for group in groups:
            graph.remove(group.name, range(group.width // 2))
        outputs = outputs_of(network.train()(torch.rand(2, 3, 2 * stride, 3 * stride)))
        sum(one.square().mean() for one in outputs).backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
        return {group.name: group.width for group in groups}

    return check
