"""What goes wrong around a run: it stops behind a checkpoint or steps down, says so, and loses nothing."""
import os
import resource

import pytest
import torch

from dance_edge import run as run_folder
from dance_edge.checkpoint import load_tensors
from dance_edge.errors import ConfigError, DataError, DeviceError
from dance_edge.events import StepDone, Warned
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig


@pytest.fixture
def config(small_set, small_networks):
    """Makes the settings of a run of 6 steps at full size, nothing dropped."""
    def make(factory="make", **changes):
        return AdaptConfig(target=small_set, model="%s:%s" % (small_networks, factory), steps=6, batch_size=3, stages=2,
                           workers=0, pruning_ratio=0.5, checkpoint_every=2, out="r", downsample=False, drop=False,
                           learning_rate=0.01)._replace(**changes)
    return make


def at_step(step, act, events):
    """A listener that keeps what it hears, and acts once `step` is done."""
    def listen(event):
        events.append(event)
        if isinstance(event, StepDone) and event.step == step:
            act()
    return listen


def warnings(events):
    return [event.text for event in events if isinstance(event, Warned)]


def weights(folder):
    return load_tensors(os.path.join(folder, "model.pt"))["state_dict"]


def same(one, other):
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_out_of_memory_takes_fewer_images_at_once_and_a_pause_keeps_that(config):
    events = []
    facts = adapt(config("hungry_for_two"), events.append).facts
    assert facts["steps"] == 6 and facts["micro_batch"] == 1 and facts["images_kept"] == 18
    assert warnings(events) == ["out of memory: micro-batches of 1 images from step 1 on"]

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(Exception, match="Ctrl-C"):
        adapt(config("hungry_for_two", out="s"), at_step(5, stop, []))
    events = []
    adapt(config("hungry_for_two", out="s"), events.append)
    assert warnings(events) == [] and same(weights("r"), weights("s"))


def test_one_image_that_does_not_fit_is_trained_on_at_a_smaller_size(config):
    events = []
    facts = adapt(config("hungry_for_half"), events.append).facts
    sizes = {event.size for event in events if isinstance(event, StepDone)}
    assert facts["steps"] == 6 and all(size.pixels <= 96 * 160 // 2 for size in sizes)
    assert "training goes on at 96x64 at most" in warnings(events)[-1]
    assert facts["pixels_ratio"] <= 0.5 and facts["images_kept"] == 18


def test_no_size_fits(config):
    with pytest.raises(DeviceError, match="no smaller size is left") as caught:
        adapt(config("hungry"))
    assert "--ratio-range" in caught.value.hint


def test_a_full_disk_ends_the_run_and_it_goes_on_to_the_same_weights(config):
    adapt(config(out="whole"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20000, before[1]))  # noqa: E731 (an act, not a name)
    try:
        with pytest.raises(DeviceError, match="cannot write into r") as caught:
            adapt(config(), at_step(3, full, []))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "dance-edge adapt --config r/run.json --out r" in caught.value.hint
    assert os.listdir("r/checkpoints") == ["step-000002.pt"]  # whole, with nothing half-written beside it
    with open("r/checkpoints/step-000004.pt.4194304.tmp", "w") as file:  # as if killed in the writing
        file.write("half")
    assert adapt(config()).facts["resumed_from_step"] == 2
    assert sorted(os.listdir("r/checkpoints")) == ["step-000004.pt", "step-000006.pt"]
    assert same(weights("whole"), weights("r"))


def test_a_data_set_that_vanishes_ends_the_run_behind_its_last_step(config, small_set):
    adapt(config(out="whole"))
    images = os.path.join(small_set, "images", "train")
    away = images + "-away"
    try:
        with pytest.raises(DataError) as caught:
            adapt(config(checkpoint_every=100), at_step(3, lambda: os.rename(images, away), []))
    finally:
        os.rename(away, images)
    assert "then go on with: dance-edge adapt" in caught.value.hint
    assert os.listdir("r/checkpoints") == ["step-000003.pt"]
    assert run_folder.read_state("r")["state"] == "interrupted"
    assert adapt(config()).facts["resumed_from_step"] == 3
    assert same(weights("whole"), weights("r"))


def test_a_step_is_no_longer_than_the_gradients_norm_allows(config):
    def after(out, **changes):
        adapt(config(out=out, steps=1, stages=0, weight_decay=0.0, **changes))
        return weights(out)

    before = after("still", freeze_bn=True, learning_rate=1e-12)
    for clip, moved in ((0.25, 0.25), (0.1, 0.1)):
        now = after("clipped-%g" % clip, freeze_bn=True, learning_rate=1.0, clip_norm=clip)
        norm = sum(float(((now[name] - before[name]).double() ** 2).sum()) for name in before) ** 0.5
        assert norm == pytest.approx(moved, rel=1e-3)


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_checkpoints(config):
    with pytest.raises(ConfigError, match="the (loss|gradient|network) is (nan|inf) at step") as caught:
        adapt(config(learning_rate=1e12, steps=40, stages=0, checkpoint_every=1))
    assert "--clip-norm" in caught.value.hint and os.listdir("r/checkpoints")
    for name in os.listdir("r/checkpoints"):
        state = load_tensors(os.path.join("r", "checkpoints", name))["state_dict"]
        assert all(bool(torch.isfinite(value).all()) for value in state.values())
