"""The whole of a run: what it leaves, what it counts, how it stops and goes on."""
import json
import os
import shutil

import pytest
import torch

from dance_edge import run as run_folder
from dance_edge.checkpoint import load_tensors, read_checkpoint, restore
from dance_edge.errors import CheckpointError, ConfigError, DataError, Interrupted
from dance_edge.events import EpochDone, StageDone, StepDone, Warned
from dance_edge.pruning.flops import count_params
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig

MODEL = "small_networks:make"


@pytest.fixture(autouse=True)
def here(small_networks):
    return small_networks


def config(small_set, **changes):
    return AdaptConfig(target=small_set, model=MODEL, steps=6, batch_size=3, stages=2, pruning_ratio=0.5, workers=0,
                       checkpoint_every=2, out="r")._replace(**changes)


def weights(path):
    return load_tensors(path)["state_dict"]


def test_what_a_run_leaves_and_counts(small_set):
    events = []
    result = adapt(config(small_set), events.append)
    steps = [event for event in events if isinstance(event, StepDone)]
    facts = result.facts
    assert [event.step for event in steps] == [1, 2, 3, 4, 5, 6] and facts["steps"] == 6
    assert facts["images_kept"] == 18 and facts["images_offered"] >= 18 and facts["resumed_from_step"] is None
    assert 0.25 <= facts["pixels_ratio"] <= 1 and facts["pixels_ratio_offered"] <= facts["pixels_ratio"]
    assert 0.4 <= facts["channels_kept"] <= 0.6 and len([one for one in events if isinstance(one, StageDone)]) == 2
    assert facts["miou_before"] is None and 0 <= facts["miou_after"] <= 1 and facts["macs_p"] > 0
    assert facts["energy_j"] > 0 and "estimated" in facts["energy_source"] and facts["energy"]["measured"] is False
    assert sorted(os.listdir("r/checkpoints")) == ["step-000004.pt", "step-000006.pt"]
    state = run_folder.read_state("r")
    assert state["format"] == 1 and state["state"] == "running"  # finished only after the export
    checkpoint = read_checkpoint("r/model.pt")
    network = restore(checkpoint, MODEL, 0)
    assert count_params(network) == checkpoint.manifest.params < read_checkpoint("r/source.pt").manifest.params
    assert len(checkpoint.manifest.rungs) == len({rung.macs for rung in checkpoint.manifest.rungs})


def test_a_run_that_is_stopped_and_resumed_ends_with_the_same_weights(small_set):
    adapt(config(small_set))

    def stop_after_three(event):
        if isinstance(event, StepDone) and event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        adapt(config(small_set, out="s"), stop_after_three)
    assert caught.value.exit_code == 130 and "dance-edge adapt --config s/run.json --out s" in caught.value.hint
    assert run_folder.read_state("s")["state"] == "interrupted"
    events = []
    facts = adapt(config(small_set, out="s"), events.append).facts
    assert facts["resumed_from_step"] == 2 and [one.step for one in events if isinstance(one, StepDone)] == [3, 4, 5, 6]
    whole, again = weights("r/model.pt"), weights("s/model.pt")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert facts["macs_p"] == json.load(open("r/run.json"))["facts"]["macs_p"]


def test_a_run_that_is_stopped_before_its_first_checkpoint_ends_with_the_same_weights(small_set):
    """It has its plan already: what a new run tries out for that draws random numbers, and is not tried again."""
    adapt(config(small_set, checkpoint_every=100))

    def stop_after_one(event):
        if isinstance(event, StepDone):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        adapt(config(small_set, checkpoint_every=100, out="s"), stop_after_one)
    assert not os.path.exists("s/checkpoints")
    assert adapt(config(small_set, checkpoint_every=100, out="s")).facts["resumed_from_step"] is None
    whole, again = weights("r/model.pt"), weights("s/model.pt")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_signal_finishes_the_step_and_saves_it(small_set):
    import signal

    def signalled(event):
        if isinstance(event, StepDone) and event.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        adapt(config(small_set, checkpoint_every=100), signalled)
    assert caught.value.exit_code == 143
    saved = os.listdir("r/checkpoints")
    assert saved in (["step-000003.pt"], ["step-000004.pt"])  # heard in the step under way or the next


def test_a_finished_model_is_returned_as_it_is(small_set):
    first = adapt(config(small_set, steps=2))
    stamp = os.stat("r/model.pt").st_mtime_ns
    again = adapt(config(small_set, steps=2))
    assert again.facts == first.facts and os.stat("r/model.pt").st_mtime_ns == stamp


def test_a_changed_setting_is_named_and_a_harmless_one_taken(small_set):
    adapt(config(small_set, steps=2))
    with pytest.raises(ConfigError, match="learning_rate: 0.0 -> 0.5"):
        adapt(config(small_set, steps=2, learning_rate=0.5))
    adapt(config(small_set, steps=2, checkpoint_every=9))
    result = adapt(config(small_set, steps=2, learning_rate=0.5, fresh=True))
    assert result.facts["steps"] == 2


def test_without_out_the_newest_unfinished_run_of_the_same_settings_is_taken_up(small_set):
    def stop(event):
        if isinstance(event, StepDone):
            raise KeyboardInterrupt

    asked = config(small_set, out="", steps=4, checkpoint_every=1)
    with pytest.raises(Interrupted):
        adapt(asked, stop)
    folders = run_folder.run_folders()
    assert len(folders) == 1 and folders[0].endswith("-town")
    assert adapt(asked._replace(seed=9)).folder != folders[0]
    assert adapt(asked).folder == folders[0]


def test_a_source_is_scored_before_and_its_classes_count(small_set):
    adapt(config(small_set, steps=2, out="source"))
    result = adapt(config(small_set, steps=2, source="source", out="r"))
    assert 0 <= result.facts["miou_before"] <= 1 and result.manifest.model == MODEL
    plain = adapt(config(small_set, steps=2, source="source/model.pt", slim=False, freeze_bn=True, out="p"))
    assert plain.facts["pixels_ratio"] == 1 and plain.facts["channels_kept"] == 1 and plain.facts["prunes"] == []
    frozen, source = weights("p/model.pt"), weights("source/model.pt")
    assert all(torch.equal(frozen[name], source[name]) for name in source if "running_" in name)


def test_other_classes_are_refused_and_a_map_joins_them(small_set, tmp_path):
    adapt(config(small_set, steps=2, out="source"))
    other = str(tmp_path / "other")
    shutil.copytree(small_set, other)
    facts = json.load(open(os.path.join(other, "classes.json")))
    names = list(facts["classes"])
    facts["classes"] = ["x-" + name for name in names]
    with open(os.path.join(other, "classes.json"), "w") as file:
        json.dump(facts, file)
    with pytest.raises(DataError):
        adapt(config(other, steps=2, source="source", out="r"))
    assert not os.path.exists("r")
    with open("map.json", "w") as file:
        json.dump({"x-" + name: name for name in names}, file)
    result = adapt(config(other, steps=2, source="source", out="r", label_map="map.json"))
    assert list(result.manifest.classes.names) == names


def test_nothing_is_made_before_everything_is_checked(small_set):
    for wrong, kind in ((dict(target="nowhere"), DataError), (dict(source="missing.pt"), CheckpointError),
                        (dict(steps=-1), ConfigError), (dict(label_map="none.json"), DataError),
                        (dict(model="segnet"), ConfigError), (dict(memory_budget="much"), ConfigError)):
        with pytest.raises(kind):
            adapt(config(small_set, **wrong))
        assert not os.path.exists("r") and not os.path.exists("runs")


def test_a_cut_image_is_left_out_and_named(small_set, tmp_path):
    broken = str(tmp_path / "broken")
    shutil.copytree(small_set, broken)
    folder = os.path.join(broken, "images", "train")
    name = sorted(os.listdir(folder))[0]
    with open(os.path.join(folder, name), "r+b") as file:
        file.truncate(os.path.getsize(file.name) * 9 // 10)
    events = []
    facts = adapt(config(broken, steps=2), events.append).facts
    assert name in str(facts["broken"]) and any(name in one.text for one in events if isinstance(one, Warned))


def test_a_plain_run_keeps_every_image_at_full_size(small_set):
    events = []
    facts = adapt(config(small_set, slim=False, steps=0, epochs=3), events.append).facts
    assert facts["images_kept"] == facts["images_offered"] == 42 and facts["pixels_ratio_offered"] == 1
    assert {one.size for one in events if isinstance(one, StepDone)} == {(96, 160)}


def test_every_epoch_says_what_it_kept_and_a_resumed_run_says_the_same(small_set):
    asked = config(small_set, steps=0, epochs=2, stages=0, batch_size=7, anneal=0.5, keep_floor=0.3, p_rule="random",
                   weight_range=(1.0, 2.0), drop_range=(0.75, 0.25), ratio_range=(0.5, 0.75))
    whole, parts = [], []
    facts = adapt(asked, whole.append).facts

    def stop(event):
        parts.append(event)
        if isinstance(event, StepDone) and event.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        adapt(asked._replace(out="s"), stop)
    adapt(asked._replace(out="s"), parts.append)
    said, again = ([one for one in events if isinstance(one, EpochDone)] for events in (whole, parts))
    assert set(said) == set(again) and [one.epoch for one in said] == [1, 2] and {one.offered for one in said} == {14}
    assert said[0].kept < said[1].kept == 14  # the last half of the run keeps all
    assert sum(one.kept for one in said) == facts["images_kept"] and said[1].waiting == 0
    assert sum(one.pixels_ratio_offered for one in said) / 2 == pytest.approx(facts["pixels_ratio_offered"])
    assert read_checkpoint("r/model.pt").manifest.policy == asked.policy()
    assert 1.0 < run_folder.read_state("r")["plan"]["mean_weight"] < 2.0


def test_an_image_left_alone_at_the_end_is_a_step_of_its_own(small_set):
    events = []
    facts = adapt(config(small_set, slim=False, steps=0, epochs=1, batch_size=13, stages=0), events.append).facts
    assert facts["images_kept"] == facts["images_offered"] == 14 and facts["steps"] == 2


def test_a_sensor_s_joules_are_measured_and_kept_over_a_pause(small_set, monkeypatch):
    import time

    from dance_edge.energy.meter import EnergyMeter
    from dance_edge.energy.reading import PowerSample, PowerSensor
    from dance_edge.training import adapt as module

    class Ten(PowerSensor):
        name, scope = "made", "VDD_IN"

        def read(self):
            time.sleep(0.02)
            return PowerSample(time.monotonic(), {"VDD_IN": 10.0}, "VDD_IN")

    def metered(kind, on_event, place):
        assert kind == "auto" and place == ("cuda" if torch.cuda.is_available() else "cpu")
        return EnergyMeter(Ten(), 0.02, on_event)

    monkeypatch.setattr(module, "metered", metered)

    def stop(event):
        if isinstance(event, StepDone) and event.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        adapt(config(small_set, checkpoint_every=1), stop)
    first = run_folder.read_state("r")["energy_parts"]
    facts = adapt(config(small_set, checkpoint_every=1)).facts
    assert facts["energy_source"] == "measured (made, VDD_IN)" and len(first) == 1
    assert facts["energy_j"] == pytest.approx(10.0 * facts["energy"]["duration_s"], rel=0.05)
    assert facts["energy_j"] > first[0]["gross_j"] > 0 and os.path.getsize("r/energy.csv") > 100
    phases = facts["energy_phases"]
    assert {"scan", "calibration", "training", "evaluation", "recalibration"} <= set(phases)
    assert phases["training"]["gross_j"] == pytest.approx(10.0 * phases["training"]["duration_s"], rel=0.05)
    assert sum(one["duration_s"] for one in phases.values()) <= facts["energy"]["duration_s"]
    assert 0.5 < facts["energy"]["coverage"] <= 1.0


def test_what_is_not_to_be_metered_has_no_joules_and_an_unknown_sensor_is_refused(small_set):
    with pytest.raises(ConfigError, match="solar"):
        adapt(config(small_set, power="solar"))
    facts = adapt(config(small_set, steps=2, stages=0, power="none")).facts
    assert facts["energy_j"] is None and facts["energy_source"] == "none (not metered: --power none)"
    assert not os.path.exists("r/energy.csv")
    facts = adapt(config(small_set, steps=2, stages=0, out="e", power="estimate")).facts
    assert facts["energy_source"] == "estimated (TX2 model)" and facts["energy_j"] > 0


def test_batchnorm_is_measured_anew_on_mixed_batches_at_the_size_of_p_1(small_set, monkeypatch):
    """Batches of alike images have less variance than all images together have."""
    seen = []

    def spy(_network, batches):
        seen.extend(tuple(batch.shape) for batch in batches)

    monkeypatch.setattr("dance_edge.training.attempt.recalibrate", spy)
    adapt(config(small_set, steps=2, stages=0))
    assert seen == [(8, 3, 96, 160), (6, 3, 96, 160)]
    adapt(config(small_set, steps=2, stages=0, freeze_bn=True, out="f"))
    assert len(seen) == 2


def test_a_sensor_of_one_gpu_is_said_to_be_where_ranks_have_several():
    from dance_edge.energy.meter import EnergyMeter
    from dance_edge.energy.reading import PowerSensor
    from dance_edge.events import Warned
    from dance_edge.ranks import Ranks
    from dance_edge.training.adapt import _warn_of_other_gpus

    class Two(Ranks):
        count = 2

    for name, ranks, times in (("nvml", Two(), 1), ("nvml", Ranks(), 0), ("jtop", Two(), 0)):
        heard = []
        sensor = type("Sensor", (PowerSensor,), {"name": name, "read": None})()
        _warn_of_other_gpus(EnergyMeter(sensor), ranks, heard.append)
        assert len(heard) == times and all(isinstance(one, Warned) and "rank 0" in one.text for one in heard)
