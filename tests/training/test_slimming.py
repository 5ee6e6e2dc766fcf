"""Runs of a small network from outside, slimmed in every way: what they count, and that a pause changes nothing."""
import os

import pytest
import torch

from dance_edge.checkpoint import load_tensors, read_checkpoint, restore
from dance_edge.errors import ConfigError, Interrupted
from dance_edge.events import EpochDone, StageDone, StepDone, Warned
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig


@pytest.fixture(autouse=True)
def here(small_networks):
    return small_networks


def config(small_set, here, factory="make", **changes):
    return AdaptConfig(target=small_set, model="%s:%s" % (here, factory), steps=8, batch_size=3, stages=2, workers=0,
                       pruning_ratio=0.5, checkpoint_every=100, out="r", learning_rate=0.01)._replace(**changes)


def weights(path):
    return load_tensors(path)["state_dict"]


def interrupted_and_resumed(asked, after):
    """Runs `asked` into the folder s, with a checkpoint and a pause behind step `after`; the facts at its end."""
    def stop(event):
        if isinstance(event, StepDone) and event.step == after + 1:
            raise KeyboardInterrupt

    asked = asked._replace(out="s", checkpoint_every=after)
    with pytest.raises(Interrupted):
        adapt(asked, stop)
    return adapt(asked).facts


@pytest.mark.parametrize("after, changes", [  # prunes follow steps 2 and 5; network first: 1 and 2, last: 5 and 6
    (2, dict(criterion="bn")), (3, dict(criterion="magnitude")), (1, dict(criterion="taylor")),
    (4, dict(criterion="taylor")), (3, dict(unstructured=True)), (2, dict(unstructured=True, criterion="taylor")),
    (1, dict(order="network-first")), (5, dict(order="network-first", unstructured=True)),
    (5, dict(order="data-first", criterion="taylor"))], ids=str)
def test_a_pause_anywhere_changes_no_bit(small_set, here, after, changes):
    whole = adapt(config(small_set, here, **changes)).facts
    parts = interrupted_and_resumed(config(small_set, here, **changes), after)
    assert parts["resumed_from_step"] == after
    one, other = weights("r/model.pt"), weights("s/model.pt")
    assert list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)
    for key in ("prunes", "layers", "macs_p", "images_offered", "images_kept", "pixels_ratio", "last_loss"):
        assert whole[key] == parts[key], key


@pytest.mark.parametrize("changes", [dict(), dict(unstructured=True, criterion="taylor", scope="all")], ids=str)
def test_what_is_frozen_stays_so_over_prunes_and_pauses(small_set, here, changes):
    asked = config(small_set, here, "frozen", **changes)
    whole, parts = adapt(asked).facts, interrupted_and_resumed(asked, 3)
    one, other = weights("r/model.pt"), weights("s/model.pt")
    assert all(torch.equal(one[name], other[name]) for name in one) and whole["macs_p"] == parts["macs_p"]
    assert set(one["backbone.0.0.weight"].flatten().tolist()) == {float(torch.tensor(0.05))}


def test_shares_are_of_the_dense_network_when_a_pruned_one_is_pruned_again(small_set, here):
    assert adapt(config(small_set, here)).facts["channels_kept"] == 0.5
    again = config(small_set, here, source="r", steps=2, stages=1)
    heard = []
    same = adapt(again._replace(out="same"), heard.append).facts
    assert any("48 of 96 channels in scope are gone already" in getattr(one, "text", "") for one in heard)
    assert same["channels_kept"] == 0.5 and same["prunes"][-1]["kept_channels"] == {
        row["layer"]: row["kept"] for row in same["layers"]}
    less = adapt(again._replace(out="less", pruning_ratio=0.75)).facts
    assert less["channels_kept"] == 0.25 and [row["original"] for row in less["layers"]] == [32, 32, 32]


def test_channels_go_by_criterion_and_are_counted_by_layer_and_kind(small_set, here):
    models = []
    for criterion in ("bn", "magnitude", "taylor"):
        result = adapt(config(small_set, here, criterion=criterion, out=criterion))
        facts = result.facts
        assert facts["channels_kept"] == 0.5 and facts["weights_kept"] == 1
        rows = facts["layers"]
        assert [(row["layer"], row["kind"], row["original"]) for row in rows] == [
            ("pyramid.0.0", "multi-scale aggregation", 32), ("pyramid.1.0", "multi-scale aggregation", 32),
            ("join.0", "other", 32)]
        assert sum(row["kept"] for row in rows) == 48 and facts["prunes"][-1]["kept_channels"] == {
            row["layer"]: row["kept"] for row in rows}
        models.append(result.manifest.weights_sha256)
    assert len(set(models)) == 3


def test_single_weights_are_zeros_in_the_model_and_no_channel_goes(small_set, here):
    events = []
    result = adapt(config(small_set, here, unstructured=True), events.append)
    facts, state = result.facts, weights("r/model.pt")
    assert facts["channels_kept"] == 1 and abs(facts["weights_kept"] - 0.5) < 1e-4 and result.manifest.channels == {}
    assert [round(one.weights_kept, 2) for one in events if isinstance(one, StageDone)] == [0.75, 0.5]
    rows = {row["layer"]: row for row in facts["layers"]}
    assert set(rows) == {"pyramid.0.0", "pyramid.1.0", "join.0", "out"}  # the head alone
    for name, row in rows.items():
        assert int((state[name + ".weight"] == 0).sum()) == row["original"] - row["kept"]
        assert facts["prunes"][-1]["kept_weights"][name] == row["kept"]
    assert not any(bool((tensor == 0).any()) for name, tensor in state.items() if name.startswith("backbone.0.0"))
    assert len({one["macs_ratio"] for one in facts["prunes"]}) == 1 == facts["prunes"][0]["macs_ratio"]
    again = restore(read_checkpoint("r/model.pt"), result.manifest.model, 0)
    assert torch.equal(again.join[0].weight, state["join.0.weight"])


@pytest.mark.parametrize("order, prunes, full", [("network-first", [1, 2], [1, 2, 3, 4]),
                                                 ("data-first", [5, 6], [5, 6, 7, 8])])
def test_one_half_slims_the_network_the_other_one_the_data(small_set, here, order, prunes, full):
    events = []
    facts = adapt(config(small_set, here, order=order), events.append).facts
    steps = [one for one in events if isinstance(one, StepDone)]
    assert [one["step"] for one in facts["prunes"]] == prunes and facts["channels_kept"] == 0.5
    assert all(one.size == (96, 160) for one in steps if one.step in full)
    assert any(one.size != (96, 160) for one in steps if one.step not in full)
    said = [one for one in events if isinstance(one, EpochDone)]
    assert [one.epoch for one in said] == list(range(1, len(said) + 1))
    assert sum(one.offered for one in said) == facts["images_offered"]
    kept = {one.epoch for one in said if one.pixels_ratio_offered == 1}
    assert kept == ({1} if order == "network-first" else {len(said)})


def test_what_a_prune_cost_is_reported_and_a_channel_of_zeros_costs_nothing(small_set, here):
    still = dict(learning_rate=1e-12, gamma_l1=0.0, stages=1, steps=2, weight_decay=0.0)
    (free,) = adapt(config(small_set, here, "zeros", out="zeros", **still)).facts["prunes"]
    (dear,) = adapt(config(small_set, here, "constants", out="constants", **still)).facts["prunes"]
    assert free["kept_channels"] == dear["kept_channels"] == {"pyramid.0.0": 16, "pyramid.1.0": 16, "join.0": 16}
    assert free["logit_change"] <= 1e-5 and dear["logit_change"] > 0.3  # gamma is gone, beta was not


def test_a_layer_that_is_misread_is_named_before_the_first_step_and_left_dense(small_set, here):
    events = []
    facts = adapt(config(small_set, here, "shuffled"), events.append).facts
    at = [i for i, one in enumerate(events) if isinstance(one, Warned) and "pyramid.0.0" in one.text]
    assert at and at[0] < [i for i, one in enumerate(events) if isinstance(one, StepDone)][0]
    assert "pyramid.1.0" in events[at[0]].text and [row["layer"] for row in facts["layers"]] == ["join.0"]
    assert facts["layers"][0]["kept"] == 16 and weights("r/model.pt")["pyramid.0.0.weight"].shape[0] == 32


def test_a_ratio_that_the_caps_forbid_is_said(small_set, here):
    events = []
    facts = adapt(config(small_set, here, pruning_ratio=0.9), events.append).facts
    assert facts["channels_kept"] == 0.25 and len(facts["prunes"][-1]["capped"]) == 3
    assert any("asked for 86 of 96 channels, 72 could go" in one.text for one in events if isinstance(one, Warned))


def test_nothing_to_prune_is_an_error_before_anything_is_made(small_set, here):
    with open("bare.py", "w") as file:
        file.write("from torch import nn\ndef make(num_classes):\n    return nn.Sequential(nn.Conv2d(3, 8, 3, 8, 1), "
                   "nn.Conv2d(8, num_classes, 1))\n")
    asked = config(small_set, here)._replace(model="bare:make", scope="all", stride=8)
    with pytest.raises(ConfigError, match="nothing in scope all can be pruned: no convolution has a BatchNorm"):
        adapt(asked)
    assert not os.path.exists("r")
    assert adapt(asked._replace(pruning_ratio=0.0)).facts["layers"] == []
