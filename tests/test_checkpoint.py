"""Weights that fit everywhere or are refused, and that say what they are."""
import os

import pytest
import torch
from torch import nn

from dance_edge.checkpoint import Architecture, hash_of, identify, read_checkpoint, restore, save_model
from dance_edge.data.labels import ClassSet
from dance_edge.errors import CheckpointError
from dance_edge.events import Note, Warned
from dance_edge.models import catalog
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.surgery import changed_channels, prune
from dance_edge.tensor_file import load_tensors, save_tensors


class Tiny(nn.Module):
    """A backbone and a head in few weights; `wide` is twice as wide, and a second head is for training only."""

    stride = 4

    def __init__(self, num_classes, backbone="narrow"):
        super().__init__()
        width = {"narrow": 16, "wide": 32}[backbone]
        self.backbone = nn.Sequential(nn.Conv2d(3, width, 3, 4, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.neck = nn.Sequential(nn.Conv2d(width, 32, 1), nn.BatchNorm2d(32), nn.ReLU())
        self.classifier = nn.Conv2d(32, num_classes, 1)
        self.auxiliary = nn.Conv2d(width, num_classes, 1)

    def forward(self, x):
        features = self.backbone(x)
        logits = self.classifier(self.neck(features))
        return [logits, self.auxiliary(features)] if self.training else logits


class Other(Tiny):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.more = nn.Conv2d(16, num_classes, 1)


HEADS = ["classifier.weight", "classifier.bias", "auxiliary.weight", "auxiliary.bias"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalog, "MODELS", {"tiny": catalog.Entry(Tiny, ("narrow", "wide")),
                                            "other": catalog.Entry(Other, ())})


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = Tiny(2).train()
    made(torch.rand(4, 3, 16, 16))  # statistics of its own
    return made.eval()


def logits(network):
    with torch.no_grad():
        return network.eval()(torch.linspace(0, 1, 768).reshape(1, 3, 16, 16))


def prefixed(prefix, state):
    return {prefix + name: value for name, value in state.items()}


FORMS = {
    "plain": lambda state, other: state,
    "state_dict": lambda state, other: {"state_dict": state},
    "module": lambda state, other: {"state_dict": prefixed("module.", state)},
    "model": lambda state, other: prefixed("model.", state),
    "net": lambda state, other: {"model": prefixed("net.", state)},
    "net.backbone": lambda state, other: prefixed("net.backbone.", state),
    "beside": lambda state, other: {"model": state, "optimizer": {"lr": 0.1, "state": {0: other}}, "epoch": 3},
    "ema": lambda state, other: {"state_dict_ema": other, "state_dict": state},
    "nested": lambda state, other: {"model": {"state_dict": state, "epoch": 3}, "ema": other},
    "counted": lambda state, other: dict(state, epoch=3),
}


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("zipped", [True, False])
def test_one_network_in_the_shapes_people_save_it(network, form, zipped):
    state = dict(network.state_dict())
    other = {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}
    torch.save(FORMS[form](state, other), "m.pt", _use_new_zipfile_serialization=zipped)
    heard = []
    again = restore(read_checkpoint("m.pt"), "tiny", 2, on_event=heard.append)
    assert torch.equal(logits(again), logits(network))
    assert [type(event) for event in heard] == [Note] and "loaded 18 of 18 tensors from m.pt" in heard[0].text


def test_what_was_taken_and_what_was_not_is_said(network):
    state = network.state_dict()
    torch.save({"state_dict": state, "state_dict_ema": state, "optimizer": {}, "epoch": 1}, "m.pt")
    heard = []
    restore(read_checkpoint("m.pt"), "tiny", 2, on_event=heard.append)
    assert heard == [Note("loaded 18 of 18 tensors from m.pt (taken: state_dict; skipped: state_dict_ema, optimizer, "
                          "epoch)")]


def test_half_precision_comes_back_as_single(network):
    torch.save({name: value.half() if value.is_floating_point() else value
                for name, value in network.state_dict().items()}, "m.pt")
    again = restore(read_checkpoint("m.pt"), "tiny", 2)
    assert {one.dtype for one in again.parameters()} == {torch.float32}
    assert float((logits(again) - logits(network)).abs().max() / logits(network).abs().max()) < 0.02


@pytest.mark.parametrize("content, words", [
    (lambda state: {"fc.weight": torch.zeros(3, 3)}, "18 missing|16 missing"),
    (lambda state: {name: value for name, value in state.items() if "running_" not in name},
     "missing: backbone.1.running_mean, backbone.1.running_var, neck.1.running_mean, neck.1.running_var"),
    (lambda state: dict(state, extra=torch.zeros(1)), "1 unknown: extra"),
    (lambda state: {}, "no weights"), (lambda state: {"state_dict": {}, "epoch": 3}, "no weights"),
    (lambda state: [torch.zeros(1)], "holds a list"), (lambda state: torch.zeros(1), "holds a Tensor"),
    (lambda state: dict(state, **{"neck.0.weight": torch.zeros(32, 16, 3, 3)}),
     "neck.0.weight is 32x16x3x3, not 32x16x1x1")])
def test_what_does_not_fit_is_listed_and_refused(network, content, words):
    torch.save(content(dict(network.state_dict())), "m.pt")
    with pytest.raises(CheckpointError, match=words) as caught:
        restore(read_checkpoint("m.pt"), "tiny", 2)
    assert "--reset-head" not in caught.value.hint and ("statistics" in caught.value.hint) == ("running" in words)


def test_weights_alone_are_recognised_where_they_fit_one(network):
    def found(made, model=""):
        torch.save(made.state_dict(), "m.pt")
        return identify(read_checkpoint("m.pt"), Architecture(model), 2)

    assert found(network) == Architecture("tiny")
    assert found(Tiny(7)) == Architecture("tiny")  # classes are no matter of architecture
    assert found(Other(2)) == Architecture("other")
    assert found(Tiny(2, "wide")) == found(Tiny(2, "wide"), "tiny") == Architecture("tiny", "wide")
    heard = []
    identify(read_checkpoint("m.pt"), Architecture(""), 2, heard.append)
    assert heard == [Note("recognised tiny on wide by its tensors' names and shapes")]
    with pytest.raises(CheckpointError, match="one of other, tiny, on whatever backbone") as caught:
        found(nn.Conv2d(3, 2, 1))
    assert "--model" in caught.value.hint


def test_what_fits_two_networks_is_not_guessed(network, monkeypatch):
    monkeypatch.setitem(catalog.MODELS, "twin", catalog.Entry(Tiny, ()))
    torch.save(network.state_dict(), "m.pt")
    with pytest.raises(CheckpointError, match="fits several: tiny, twin"):
        identify(read_checkpoint("m.pt"), Architecture(""), 2)
    assert identify(read_checkpoint("m.pt"), Architecture("twin"), 2) == Architecture("twin")


def test_heads_of_other_classes_begin_anew_only_when_told(network):
    torch.save(network.state_dict(), "m.pt")
    with pytest.raises(CheckpointError, match="classifier.weight is 2x32x1x1, not 5x32x1x1") as caught:
        restore(read_checkpoint("m.pt"), "tiny", 5)
    assert "--reset-head" in caught.value.hint
    heard = []
    again = restore(read_checkpoint("m.pt"), "tiny", 5, True, heard.append).state_dict()
    assert [event.text for event in heard if isinstance(event, Note)] == [
        "loaded 14 of 18 tensors from m.pt (taken: the file itself)"]
    warned = [event.text for event in heard if isinstance(event, Warned)]
    assert warned == ["4 classifier tensors begin anew, for 5 classes: " + ", ".join(HEADS)]
    for name, value in network.state_dict().items():
        assert name in HEADS or torch.equal(again[name], value), name
    same = restore(read_checkpoint("m.pt"), "tiny", 2, True)  # what fits is kept
    assert torch.equal(logits(same), logits(network))


def test_reset_head_forgives_nothing_else(network):
    state = dict(network.state_dict())
    del state["neck.1.running_var"]
    torch.save(state, "m.pt")
    with pytest.raises(CheckpointError, match="neck.1.running_var"):
        restore(read_checkpoint("m.pt"), "tiny", 5, True)
    torch.save(dict(network.state_dict(), **{"backbone.0.weight": torch.zeros(8, 3, 3, 3)}), "m.pt")
    with pytest.raises(CheckpointError, match="backbone.0.weight is 8x3x3x3"):
        restore(read_checkpoint("m.pt"), "tiny", 5, True)


def pruned_file(switch_manifest, path="m.pt"):
    pruned = Tiny(2)
    prune(pruned, torch.optim.SGD(pruned.parameters(), lr=0.1), ChannelGraph(pruned, 4, "all"), 1, 16)
    channels = changed_channels(pruned, Tiny(2))
    assert channels["classifier"][1] < 32
    return pruned, save_model(path, pruned, switch_manifest(model="tiny", channels=channels))


def test_a_pruned_model_travels_alone(switch_manifest):
    pruned, saved = pruned_file(switch_manifest)
    checkpoint = read_checkpoint("m.pt")
    assert checkpoint.manifest == saved and saved.weights_sha256 == hash_of(pruned.state_dict())
    assert torch.equal(logits(restore(checkpoint, "", 0)), logits(pruned))
    assert os.listdir(".") == ["m.pt"]
    assert set(load_tensors("m.pt")) == {"format", "manifest", "state_dict"}


def test_a_pruned_model_of_ours_gets_new_heads_for_other_classes(switch_manifest):
    pruned, _ = pruned_file(switch_manifest)
    heard = []
    again = restore(read_checkpoint("m.pt"), "", 5, True, heard.append)
    assert logits(again).shape[1] == 5 and again.classifier.in_channels == pruned.classifier.in_channels
    assert torch.equal(again.neck[0].weight, pruned.neck[0].weight) and isinstance(heard[-1], Warned)
    two = restore(read_checkpoint("m.pt"), "", 2, True)  # as many, but the caller knows that they are others
    assert not torch.equal(two.classifier.weight, pruned.classifier.weight)


def test_a_file_s_own_classes_count(switch_manifest, network):
    save_model("m.pt", network, switch_manifest(model="tiny"))
    assert logits(restore(read_checkpoint("m.pt"), "", 9)).shape[1] == 2
    three = ClassSet(("a", "b", "c"), ((0, 0, 0),) * 3)
    save_model("m.pt", network, switch_manifest(model="tiny", classes=three))
    with pytest.raises(CheckpointError, match="classifier.weight"):
        restore(read_checkpoint("m.pt"), "", 2)


def test_a_factory_is_never_imported_because_a_file_says_so(switch_manifest, network):
    with open("mine.py", "w") as file:
        file.write("open('imported', 'w').close()\n")
    save_model("m.pt", network, switch_manifest(model="mine:make"))
    with pytest.raises(CheckpointError) as caught:
        restore(read_checkpoint("m.pt"), "", 2)
    assert "--model mine:make" in caught.value.hint and not os.path.exists("imported")


@pytest.mark.parametrize("content, words", [
    ({"format": 99, "state_dict": {}}, "format 99"), ({"format": 1, "state_dict": 5}, "holds a int"),
    ({"format": 1, "state_dict": {}}, "no weights")])
def test_a_newer_or_damaged_file_of_ours_is_refused(content, words, switch_manifest):
    save_tensors("m.pt", dict(content, manifest=switch_manifest().to_dict()))
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint("m.pt")


def test_equal_weights_have_equal_hashes_and_others_others(network):
    state = dict(network.state_dict())
    assert hash_of(state) == hash_of({name: state[name] for name in sorted(state, reverse=True)})
    name = "classifier.bias"
    assert hash_of(state) != hash_of(dict(state, **{name: state[name] + 1e-3}))
