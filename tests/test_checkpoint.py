"""Loading that executes nothing, fits everything or refuses, and says what it got."""
import os
import pickle

import pytest
import torch

from dance_edge.checkpoint import hash_of, load_tensors, read_checkpoint, restore, save_model, save_tensors
from dance_edge.errors import CheckpointError
from dance_edge.models.catalog import build
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.surgery import changed_channels, prune


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build("bisenet", 2).eval()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def logits(network):
    with torch.no_grad():
        return network.eval()(torch.ones(1, 3, 64, 64))


@pytest.mark.parametrize("protocol", ["zip", "legacy", "plain pickle"])
def test_loading_executes_no_code(protocol):
    if protocol == "plain pickle":
        with open("m.pt", "wb") as file:
            pickle.dump({"state_dict": Bomb()}, file)
    else:
        torch.save({"state_dict": Bomb()}, "m.pt", _use_new_zipfile_serialization=protocol == "zip")
    with pytest.raises(CheckpointError):
        load_tensors("m.pt")
    assert not os.path.exists("exploded")


@pytest.mark.parametrize("content, words", [
    (b"", "empty"), (b"not a checkpoint", "not a checkpoint of tensors"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    (b"<!DOCTYPE html><html>404</html>", "web page"), (b"PK\x03\x04 cut", "not a checkpoint of tensors")])
def test_other_files_are_named(content, words):
    with open("m.pt", "wb") as file:
        file.write(content)
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint("m.pt")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        read_checkpoint("missing.pt")


def forms(state):
    other = {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}
    return {
        "plain": state, "module": {"state_dict": {"module." + name: value for name, value in state.items()}},
        "model": {"model": state, "optimizer": {"lr": 0.1}, "epoch": 3},
        "ema": {"state_dict": state, "state_dict_ema": other}}


@pytest.mark.parametrize("form", ["plain", "module", "model", "ema"])
@pytest.mark.parametrize("zipped", [True, False])
def test_one_network_in_the_shapes_people_save_it(network, form, zipped):
    torch.save(forms(network.state_dict())[form], "m.pt", _use_new_zipfile_serialization=zipped)
    again = restore(read_checkpoint("m.pt"), "bisenet", 2)
    assert torch.equal(logits(again), logits(network))


def test_half_precision_comes_back_as_single(network):
    torch.save({name: value.half() if value.is_floating_point() else value
                for name, value in network.state_dict().items()}, "m.pt")
    again = restore(read_checkpoint("m.pt"), "bisenet", 2)
    assert {one.dtype for one in again.parameters()} == {torch.float32}
    assert float((logits(again) - logits(network)).abs().max() / logits(network).abs().max()) < 0.02


def test_what_does_not_fit_is_refused_never_half_loaded(network):
    state = network.state_dict()
    wrong = {"another": {"fc.weight": torch.zeros(3, 3)},
             "no statistics": {name: value for name, value in state.items() if "running_" not in name},
             "nothing": {}, "one more": dict(state, extra=torch.zeros(1))}
    for content in wrong.values():
        torch.save(content, "m.pt")
        with pytest.raises(CheckpointError):
            restore(read_checkpoint("m.pt"), "bisenet", 2)
    torch.save(state, "m.pt")
    with pytest.raises(CheckpointError, match="output.classifier"):
        restore(read_checkpoint("m.pt"), "bisenet", 5)
    with pytest.raises(CheckpointError) as caught:
        restore(read_checkpoint("m.pt"), "", 2)
    assert "--model" in caught.value.hint


def test_a_pruned_model_travels_alone(switch_manifest):
    pruned = build("bisenet", 2)
    prune(pruned, torch.optim.SGD(pruned.parameters(), lr=0.1), ChannelGraph(pruned, 32, "all"), 1, 1000)
    manifest = switch_manifest(model="bisenet", channels=changed_channels(pruned, build("bisenet", 2)))
    saved = save_model("m.pt", pruned, manifest)
    checkpoint = read_checkpoint("m.pt")
    assert checkpoint.manifest == saved and saved.weights_sha256 == hash_of(pruned.state_dict())
    assert torch.equal(logits(restore(checkpoint, "", 0)), logits(pruned))
    assert os.listdir(".") == ["m.pt"]
    content = load_tensors("m.pt")
    assert set(content) == {"format", "manifest", "state_dict"}


def test_a_newer_file_is_refused_by_its_format(network, switch_manifest):
    save_tensors("m.pt", {"format": 99, "manifest": switch_manifest().to_dict(), "state_dict": {}})
    with pytest.raises(CheckpointError, match="format 99"):
        read_checkpoint("m.pt")


def test_only_what_loads_safely_is_saved():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match="content/a/0"):
        save_tensors("m.pt", {"a": [numpy.float64(1)]})
    assert not os.path.exists("m.pt")


def test_equal_weights_have_equal_hashes_and_others_others(network):
    state = dict(network.state_dict())
    assert hash_of(state) == hash_of({name: state[name] for name in sorted(state, reverse=True)})
    name = "output.classifier.bias"
    assert hash_of(state) != hash_of(dict(state, **{name: state[name] + 1e-3}))
