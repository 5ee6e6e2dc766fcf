import cv2
import numpy as np
import pytest

from dance_edge.bench.inference import measure
from dance_edge.bench.ratio import Ratio
from dance_edge.bench.turn import Turn
from dance_edge.bench.variant import Variant, run_image, size_for
from dance_edge.data.images import read_image
from dance_edge.energy.calibration import Calibration
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import inference_fit
from dance_edge.events import ignore
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.size import Size


@pytest.fixture
def variants(tmp_path, switch_manifest, write_switch):
    manifest = switch_manifest()
    heavy = switch_manifest(rungs=tuple(rung._replace(macs=8 * rung.macs) for rung in manifest.rungs))
    engines = open_onnxruntime(write_switch(tmp_path / "model.onnx", manifest))
    return [Variant("source", engines, heavy, None), Variant("adapted", engines, manifest, manifest.profile)]


def test_the_source_runs_at_full_size_and_the_adapted_model_at_each_images_own(variants, gray_images):
    source, adapted = measure(variants, gray_images, 4, EnergyMeter(None), ignore).measured
    assert source.sizes == {"128x192": 4} and source.pixels_ratio == 1.0
    assert len(adapted.sizes) > 1 and sum(adapted.sizes.values()) == 4 and adapted.sizes["64x96"] >= 1
    assert source.macs == 8e3 * 128 * 192
    pixels = sum(count * int(np.prod([int(side) for side in size.split("x")])) for size, count in adapted.sizes.items())
    assert adapted.macs == pytest.approx(1e3 * pixels / 4)
    assert adapted.pixels_ratio == pytest.approx(pixels / (4.0 * 128 * 192))


def test_without_a_sensor_joules_are_estimated_and_say_so(variants, gray_images):
    facts = measure(variants, gray_images, 4, EnergyMeter(None), ignore).measured[0].to_dict()
    assert facts["energy_j_per_image"] == pytest.approx(inference_fit().joules(8e3 * 128 * 192))
    assert facts["energy_source"] == facts["energy"]["label"] == "estimated (TX2 model)"
    assert facts["energy"]["measured"] is False and "leave-one-out" in facts["energy"]["reason"]
    assert facts["latency_ms"]["p99"] >= facts["latency_ms"]["p50"] > 0 and facts["fps"] > 0
    assert facts["macs_g"] == pytest.approx(8e-6 * 128 * 192) and facts["params_m"] == 8e-6


def test_what_nobody_has_counted_is_null_and_nothing_is_estimated_from_it(variants, gray_images):
    foreign = variants[1]._replace(manifest=variants[1].manifest._replace(rungs=(), params=None))
    facts = measure([foreign], gray_images, 4, EnergyMeter(None), ignore).measured[0].to_dict()
    assert facts["macs_g"] is None and facts["params_m"] is None and facts["energy_j_per_image"] is None
    assert facts["energy_source"].startswith("none (") and "MACs are not known" in facts["energy_source"]
    assert facts["latency_ms"]["p50"] > 0 and len(facts["sizes"]) > 1 and 0 < facts["pixels_ratio"] < 1


def test_a_graph_of_one_size_runs_at_it_alone(tmp_path, switch_manifest, write_switch, gray_images):
    manifest = switch_manifest(only_size=Size(64, 96))
    engines = open_onnxruntime(write_switch(tmp_path / "fixed.onnx", manifest, size=(64, 96)))
    for profile in (None, manifest.profile):
        alone = [Variant("adapted", engines, manifest, profile)]
        (one,) = measure(alone, gray_images, 4, EnergyMeter(None), ignore).measured
        assert one.sizes == {"64x96": 4} and one.pixels_ratio == 1.0


def test_with_a_sensor_joules_are_watts_times_seconds(variants, gray_images, steady_meter):
    meter = steady_meter(5.0)
    meter.idle_w = 2.0
    bench = measure(variants, gray_images, 2, meter, ignore, rounds=2)
    for one in bench.measured:
        assert one.energy.label == "measured (scripted, VDD_IN)"
        assert one.energy.gross_j == pytest.approx(5.0 * one.energy.duration_s, rel=1e-6)
        assert one.energy.net_j == pytest.approx(3.0 * one.energy.duration_s, rel=1e-6)
        assert one.images_per_j == pytest.approx(0.2 / one.energy.duration_s, rel=1e-6)
        assert one.energy.duration_s >= 1.0 / one.latency.fps
        assert [turn.joules_per_image for turn in one.turns] == pytest.approx(
            [5.0 * (turn.end_s - turn.start_s) / len(turn.seconds) for turn in one.turns])
        for rung in one.rungs:
            assert rung.energy.gross_j == pytest.approx(5.0 * rung.energy.duration_s, rel=1e-6)
            assert rung.energy.label == "measured (scripted, VDD_IN)"
    (against,) = bench.against  # at one power, joules go by the time of the windows
    assert (against.name, against.first, against.energy.pairs) == ("adapted", "source", 4)


def test_each_size_has_a_line_of_its_own(variants, gray_images):
    source, adapted = measure(variants, gray_images, 4, EnergyMeter(None), ignore, rounds=1).measured
    assert [rung.size.hxw for rung in source.rungs] == ["128x192"] and len(adapted.rungs) > 1
    assert {rung.size.hxw: rung.images for rung in adapted.rungs} == adapted.sizes
    assert [rung.macs for rung in adapted.rungs] == [1e3 * rung.size.pixels for rung in adapted.rungs]
    assert all(rung.energy.label == "estimated (TX2 model)" and rung.latency.p50_ms > 0 for rung in adapted.rungs)


def test_memory_is_what_the_open_network_holds_and_its_images_take(variants, gray_images, monkeypatch):
    class Peak:
        bytes = 5 * 10 ** 6

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    monkeypatch.setattr("dance_edge.bench.inference.PeakMemory", Peak)
    opened = variants[0]._replace(opening_bytes=(10 ** 9, 10 ** 8))
    known, unknown = measure([opened, variants[1]], gray_images, 1, EnergyMeter(None), ignore, rounds=1).measured
    assert (known.memory_bytes, known.opening_memory_bytes) == (10 ** 8 + 5 * 10 ** 6, 10 ** 9)
    assert known.to_dict()["opening_memory_bytes"] == 10 ** 9
    assert (unknown.memory_bytes, unknown.opening_memory_bytes) == (None, None)
    Peak.bytes = None
    (one,) = measure([opened], gray_images, 1, EnergyMeter(None), ignore, rounds=1).measured
    assert one.memory_bytes is None


def test_while_memory_is_watched_no_image_is_met_for_the_first_time(variants, gray_images, monkeypatch):
    met, watched = set(), []

    def read(path):
        if watched and watched[-1]:
            assert path in met
        met.add(path)
        return read_image(path)

    class Peak:
        bytes = 0

        def __enter__(self):
            watched.append(True)
            return self

        def __exit__(self, *error):
            watched.append(False)

    for place in ("inference", "variant"):
        monkeypatch.setattr("dance_edge.bench.%s.read_image" % place, read)
    monkeypatch.setattr("dance_edge.bench.inference.PeakMemory", Peak)
    measure(variants, gray_images, 1, EnergyMeter(None), ignore, rounds=1)
    assert watched == [True, False] * 2 and met == set(gray_images)


def test_which_weights_and_which_calibration_it_was(variants, gray_images, steady_meter):
    manifest = variants[1].manifest._replace(weights_sha256="ab" * 32)
    meter = steady_meter(5.0)
    meter.calibration = Calibration(1.1, 0.3, 0.05, 3, "board", "scripted", "VDD_IN", 1.0, 9.0)
    mine = variants[1]._replace(manifest=manifest)
    one, other = [one.to_dict() for one in measure([mine, variants[0]], gray_images, 1, meter, ignore, 1).measured]
    assert one["weights_sha256"] == "ab" * 32 and other["weights_sha256"] is None
    assert one["calibration"] == {"slope": 1.1, "offset_w": 0.3, "residual_w": 0.05, "loads": 3}
    meter.calibration = None
    (plain,) = measure([mine], gray_images, 1, meter, ignore, 1).measured
    assert plain.to_dict()["calibration"] is None


def test_turns_are_taken_there_and_back_in_pairs(variants, gray_images, monkeypatch):
    order = []

    def take(variant, paths, count, meter):
        order.append(variant.name)
        return Turn([0.02 if variant.name == "source" else 0.01] * count, [Size(128, 192)] * count, EnergyReading())

    monkeypatch.setattr("dance_edge.bench.inference.take_turn", take)
    monkeypatch.setattr("dance_edge.bench.inference._rungs", lambda *rest: ())
    bench = measure(variants, gray_images, 4, EnergyMeter(None), ignore, rounds=2)
    assert order == ["source", "adapted", "adapted", "source"] * 2
    (against,) = bench.against
    assert against.time == Ratio(0.5, 0.5, 0.5, 4) and against.time.seen and against.energy is None


def test_turns_before_and_after_a_calibration_give_no_ratio_of_joules(variants, gray_images, monkeypatch):
    def take(variant, paths, count, meter):
        energy = EnergyReading(gross_j=5.0, measured=True, source="jtop", scope="VDD_IN",
                               calibrated=calibrated and variant.name == "adapted")
        return Turn([0.01] * count, [Size(128, 192)] * count, energy)

    monkeypatch.setattr("dance_edge.bench.inference.take_turn", take)
    monkeypatch.setattr("dance_edge.bench.inference._rungs", lambda *rest: ())
    for calibrated in (False, True):
        (against,) = measure(variants, gray_images, 4, EnergyMeter(None), ignore, rounds=1).against
        assert (against.energy is None) == calibrated and against.time is not None


def test_of_a_model_without_a_figure_there_is_no_ratio(variants, gray_images, monkeypatch):
    taken = []

    def take(variant, paths, count, meter):
        """Of six turns each, `lacking` has a figure of the first alone: a sixth of its time."""
        taken.append(variant.name)
        reading = EnergyReading(gross_j=5.0, duration_s=1.0, coverage=1.0, measured=True, source="jtop", scope="VDD_IN",
                                sensor_j=0.5)
        if variant.name == lacking and taken.count(lacking) > 1:
            reading = EnergyReading(duration_s=1.0, reason="no sample")
        return Turn([0.01] * count, [Size(128, 192)] * count, reading)

    monkeypatch.setattr("dance_edge.bench.inference.take_turn", take)
    monkeypatch.setattr("dance_edge.bench.inference._rungs", lambda *rest: ())
    for lacking in ("source", "adapted", ""):
        del taken[:]
        (against,) = measure(variants, gray_images, 4, EnergyMeter(None), ignore, rounds=3).against
        assert (against.energy is None) == bool(lacking) and against.time is not None


@pytest.mark.parametrize("calibrated, bounds", [(False, (1.0, 1.0)), (True, (4.0 / 6.0, 6.0 / 4.0))])
def test_turns_of_a_calibrated_sensor_are_widened_by_opposite_residuals(variants, gray_images, monkeypatch, calibrated,
                                                                        bounds):
    def take(variant, paths, count, meter):
        energy = EnergyReading(gross_j=5.0, duration_s=1.0, coverage=1.0, measured=True, source="jtop", scope="VDD_IN",
                               sensor_j=1.0, calibrated=calibrated)
        return Turn([0.01] * count, [Size(128, 192)] * count, energy)

    monkeypatch.setattr("dance_edge.bench.inference.take_turn", take)
    monkeypatch.setattr("dance_edge.bench.inference._rungs", lambda *rest: ())
    (against,) = measure(variants, gray_images, 4, EnergyMeter(None), ignore, rounds=1).against
    assert (against.energy.low, against.energy.high) == pytest.approx(bounds)


def test_what_the_engines_tell_of_the_gpu_stands_beside_the_hosts_memory(variants, gray_images, monkeypatch):
    engines, watched = variants[0].engines, []
    monkeypatch.setattr(engines, "watch_memory", lambda: watched.append(True))
    monkeypatch.setattr(engines, "gpu_memory_bytes", lambda: 5 * 10 ** 6 if watched else None)
    monkeypatch.setattr(engines, "precision", "fp16")
    facts = measure(variants[:1], gray_images, 1, EnergyMeter(None), ignore, rounds=1).measured[0].to_dict()
    assert (facts["gpu_memory_bytes"], facts["precision"]) == (5 * 10 ** 6, "fp16")


def test_one_ratio_for_all_images(variants, gray_images):
    half = variants[1]._replace(ratio=0.5)
    image = np.zeros((128, 192, 3), np.uint8)
    assert size_for(half, image) == (Size(64, 96), Size(128, 192))
    assert size_for(half._replace(ratio=1.0), image) == (Size(128, 192), Size(128, 192))


def test_labels_come_at_the_images_own_size(variants, tmp_path):
    image = np.zeros((130, 200, 3), np.uint8)
    image[:, 100:] = 200
    path = str(tmp_path / "half.png")
    cv2.imwrite(path, image)
    labels, size, full = run_image(variants[0], path)
    assert labels.shape == (130, 200) and labels.dtype == np.uint8 and size == full == Size(128, 192)
    assert (labels[:, :97] == 0).all() and (labels[:, 103:] == 1).all()


def test_a_variant_that_the_sensor_does_not_see_has_no_joules_and_no_ratio(variants, gray_images, steady_meter):
    unseen = variants[1]._replace(blind="nvml sees the GPU alone, and the work is on the CPU")
    bench = measure([variants[0], unseen], gray_images, 1, steady_meter(5.0), ignore, rounds=1)
    source, adapted = bench.measured
    assert source.energy.measured and source.rungs[0].energy.measured
    for energy in [adapted.energy] + [rung.energy for rung in adapted.rungs]:
        assert energy.gross_j is None and energy.label == "none (%s)" % unseen.blind and energy.duration_s > 0
    (against,) = bench.against
    assert against.energy is None and against.time is not None
