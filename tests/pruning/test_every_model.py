"""Every network of the catalogue: pruned, held against the dense one, stored, trained on, pruned again, exported."""
import copy

import pytest
import torch
from torch import nn

from dance_edge.checkpoint import read_checkpoint, restore, save_model
from dance_edge.export.to_onnx import trace
from dance_edge.manifest import Rung
from dance_edge.models import catalog
from dance_edge.models.deployed import full_logits, outputs_of
from dance_edge.pruning.flops import count_macs
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.rehearsal import rehearsal, training_forward
from dance_edge.pruning.schedule import count_to_remove
from dance_edge.pruning.surgery import changed_channels, choose, prune
from dance_edge.pruning.trial import find_prunable
from dance_edge.size import Size

SMALL = "resnet18"  # the backbone of the quick half, where a network comes with it
SEEN, NEW = Size(64, 64), Size(96, 128)


def backbone_of(model):
    return SMALL if SMALL in getattr(catalog.MODELS[model], "backbones", ()) else ""


def quick():
    return [(model, backbone_of(model), "head", percent) for model in sorted(catalog.MODELS) for percent in (20, 80)]


def full():
    return [pytest.param(model, "", scope, percent, marks=pytest.mark.slow) for model in sorted(catalog.MODELS)
            for scope in ("head", "all") for percent in range(20, 90, 10)]


@pytest.fixture
def make_life(scenes, switch_manifest, tmp_path):
    """Makes a `Life` of a model, a backbone and a scope."""
    return lambda *facts: Life(facts, scenes, switch_manifest, str(tmp_path / "model.pt"))


@pytest.mark.parametrize("model, backbone, scope, percent", quick() + full())
def test_a_model_is_pruned_stored_resumed_and_exported(model, backbone, scope, percent, make_life):
    life = make_life(model, backbone, scope)
    life.train_a_step()
    total, asked, removed = life.prune_as_the_zeroed_dense_one(percent)
    assert abs(asked - total * percent / 100.0) <= 0.5 and 0 < removed <= asked + 4
    life.store_and_restore()
    life.train_a_step()
    life.prune_again()
    life.export()


class Life:
    """A network with its optimizer, from random weights to a graph that onnxruntime runs; each step holds itself."""

    def __init__(self, facts, scenes, switch_manifest, path):
        torch.manual_seed(7)
        model, backbone, scope = facts
        self.scope, self.path, self.scenes = scope, path, scenes
        self.dense = catalog.build(model, 5, backbone)
        self.stride = catalog.stride_of(self.dense)
        self.network = copy.deepcopy(self.dense)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3, momentum=0.9)
        self.images = scenes(2, SEEN)
        self.widths = find_prunable(self.network, self.stride, scope).widths
        self.make_manifest = lambda network: switch_manifest(
            model=model, backbone=backbone, stride=self.stride, scope=scope, image_size=SEEN,
            rungs=(Rung(SEEN, 1.0, count_macs(network, SEEN)),), channels=changed_channels(network, self.dense),
            classes=switch_manifest().classes._replace(names=tuple("abcde"), palette=((0, 0, 0),) * 5))

    def graph(self):
        return ChannelGraph(self.network, self.stride, self.scope, self.widths)

    def outputs(self, network):
        """In training mode, auxiliary heads too, and in eval mode; in double precision, lest rounding count."""
        network, images = copy.deepcopy(network).double(), self.images.double()
        with rehearsal(network), torch.no_grad():
            outputs = training_forward(network, images)
            network.eval()
            return outputs + outputs_of(network(images))

    def train_a_step(self):
        self.network.train()
        self.optimizer.zero_grad()
        torch.stack([(one ** 2).mean() for one in outputs_of(self.network(self.images))]).sum().backward()
        before = [parameter.detach().clone() for parameter in self.network.parameters()]
        self.optimizer.step()
        held = [id(one) for group in self.optimizer.param_groups for one in group["params"]]
        assert held == [id(one) for one in self.network.parameters()]
        assert not any(torch.equal(old, new) for old, new in zip(before, self.network.parameters()))

    def prune_as_the_zeroed_dense_one(self, percent):
        groups = self.graph().groups()
        total = sum(self.widths.values())
        asked = count_to_remove(1, 1, percent / 100.0, total)
        removals, _capped = choose(groups, asked)
        with torch.no_grad():
            for group in groups:
                gone = torch.tensor(removals.get(group.name, []), dtype=torch.long)
                for layer, channels in group.batchnorms:
                    layer.weight[channels[gone]] = 0
                    layer.bias[channels[gone]] = 0
        zeroed = self.outputs(self.network)
        done = prune(self.network, self.optimizer, self.graph(), 1, asked)
        assert done.removed == sum(len(channels) for channels in removals.values())
        assert abs(done.removed - asked) <= 4 or len(done.capped) > 0
        assert all(width % 8 == 0 or width == self.widths[name] for name, width in done.kept_channels.items())
        for wanted, got in zip(zeroed, self.outputs(self.network)):
            assert float((got - wanted).abs().max()) <= 1e-9 * float(wanted.abs().max())
        momenta = [self.optimizer.state[one]["momentum_buffer"].shape for one in self.network.parameters()]
        assert momenta == [one.shape for one in self.network.parameters()]
        return total, asked, done.removed

    def store_and_restore(self):
        save_model(self.path, self.network, self.make_manifest(self.network))
        before = self.outputs(self.network)
        momenta = [self.optimizer.state[one]["momentum_buffer"] for one in self.network.parameters()]
        self.network = restore(read_checkpoint(self.path), "", 5)
        assert all(torch.equal(one, other) for one, other in zip(before, self.outputs(self.network)))
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=1e-3, momentum=0.9)
        for parameter, momentum in zip(self.network.parameters(), momenta):
            self.optimizer.state[parameter]["momentum_buffer"] = momentum

    def prune_again(self):
        done = prune(self.network, self.optimizer, self.graph(), 2, 64)
        assert done.removed > 0 or set(done.capped) == set(done.kept_channels)

    def export(self):
        onnxruntime = pytest.importorskip("onnxruntime")
        for module in self.network.modules():  # statistics of these images, so that logits keep their scale
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        inputs = self.scenes(8, NEW)
        with torch.no_grad():
            self.network.train()(inputs)
            inputs = inputs[:2]
            wanted = full_logits(self.network.eval(), inputs)
            labels = wanted.argmax(1)
        for output in ("labels", "logits"):
            content = trace(self.network, self.make_manifest(self.network), output, 13)
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            got = torch.from_numpy(session.run([output], {"image": inputs.numpy()})[0])
            if output == "labels":
                assert float((got == labels).float().mean()) >= 0.9999
            else:
                assert float((got - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())
