"""bench over several models, with a sensor, against an earlier bench and beside the paper."""
import contextlib
import json
import os
import shutil

import pytest

from dance_edge.cli import benching
from dance_edge.cli.main import run
from dance_edge.energy.replay import read_csv
from dance_edge.size import Size


@pytest.fixture
def files(tmp_path, switch_manifest, write_switch):
    """Two ONNX files of the gray switch, in folders of their own."""
    paths = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        paths.append(write_switch(tmp_path / name / "model.onnx", switch_manifest()))
    return paths


@pytest.fixture
def five_watts(monkeypatch, steady_meter):
    """A sensor that always gives 5 W."""
    @contextlib.contextmanager
    def metered(*arguments, **named):
        yield steady_meter(5.0)

    monkeypatch.setattr(benching, "metered", metered)


def bench(arguments, path):
    assert run(["-q", "bench", "--images", "2", "--rounds", "1", "--json", str(path)] + arguments) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_several_models_over_the_same_images(files, tmp_path, capsys):
    models = ["--models", files[0] + "@1", "--models", files[0], "--models", files[1]]
    result = bench(models + ["--out", str(tmp_path / "out")], tmp_path / "b.json")
    names = ["model.onnx@1", "one/model.onnx", "two/model.onnx"]
    assert [one["name"] for one in result["inference"]] == names
    assert result["inference"][0]["sizes"] == {"128x192": 2} and len(result["inference"][1]["sizes"]) == 2
    assert [(one["name"], one["against"]) for one in result["ratios"]] == [(name, names[0]) for name in names[1:]]
    assert [one["name"] for one in result["trainings"]] == names
    assert sorted(os.listdir(str(tmp_path / "out"))) == ["bench.html", "bench.json", "bench.md"]
    assert "two/model.onnx against model.onnx@1" in capsys.readouterr().out


def test_models_alone_leave_nothing_behind(files, tmp_path):
    bench(["--models", files[0], "--models", files[1]], tmp_path / "b.json")
    assert sorted(os.listdir(str(tmp_path))) == ["b.json", "one", "two"]
    assert os.listdir(str(tmp_path / "one")) == ["model.onnx"]


def test_a_run_and_models_contradict_each_other(files, capsys):
    assert run(["bench", files[0], "--models", files[1]]) == 2
    assert run(["bench", "--models", files[0], "--models", files[0]]) == 2
    assert "given twice" in capsys.readouterr().err


def test_with_a_sensor_everything_is_measured_and_the_trace_is_kept(files, tmp_path, five_watts, capsys):
    out = tmp_path / "out"
    models = ["--models", files[0], "--models", files[1]]
    result = bench(models + ["--idle", "0.1", "--out", str(out)], tmp_path / "b.json")
    assert result["idle_power_w"] == pytest.approx(5.0, rel=1e-3)
    for one in result["inference"]:
        energy = one["energy"]
        assert one["energy_source"] == "measured (scripted, VDD_IN)"
        assert energy["gross_j"] == pytest.approx(5.0 * energy["duration_s"], rel=1e-6)
        assert one["energy_net_j_per_image"] == pytest.approx(0.0, abs=1e-2 * energy["gross_j"])
        for turn in one["turns"]:
            assert turn["energy_j_per_image"] == pytest.approx(5.0 * turn["duration_s"] / turn["images"], rel=1e-6)
    ratio = result["ratios"][0]["energy"]
    assert ratio["pairs"] == 2 and ratio["label"] == "measured (scripted, VDD_IN)" and ratio["measured"] is True
    assert read_csv(str(out / "bench_power.csv")).columns.rails_w["VDD_IN"][0] == 5.0
    page = (out / "bench.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1 and "<script" not in page and 'src="data:' in page
    shown = capsys.readouterr().out
    assert "idle: 5.000 W, " in shown and "uncalibrated" in shown
    bench(["--models", files[0], "--out", str(out), "--power", "none"], tmp_path / "c.json")
    assert read_csv(str(out / "bench_power.csv")).columns.times_s.size > 1000  # anew, not appended
    assert (out / "bench_power.csv").read_text().count("# format") == 1


def test_now_against_then(files, tmp_path, capsys):
    old = tmp_path / "old.json"
    first = bench(["--models", files[0], "--rounds", "2"], old)
    first["inference"][0]["turns"] = [dict(turn, seconds_per_image=turn["seconds_per_image"] / 100.0)
                                      for turn in first["inference"][0]["turns"]]
    old.write_text(json.dumps(first))
    result = bench(["--models", files[0], "--rounds", "2", "--against", str(old)], tmp_path / "b.json")
    (change,) = result["changes"]
    assert change["time"]["seen"] and change["time"]["value"] > 10.0 and change["energy"]["value"] == 1.0
    assert change["energy_source"] == "estimated (TX2 model)" and result["differs"] == []
    assert "now against" in capsys.readouterr().out
    old.write_text(json.dumps(dict(first, format=99)))
    assert run(["bench", "--models", files[0], "--against", str(old)]) == 3
    assert "format 99" in capsys.readouterr().err


def test_beside_the_paper(files, tmp_path, capsys):
    result = bench(["--models", files[0] + "@1", "--models", files[0], "--paper", "--out", str(tmp_path / "out")],
                   tmp_path / "b.json")
    assert len(result["paper"]["rows"]) == 12 and len(result["paper"]["ours"]) == 1
    for text in (capsys.readouterr().out, (tmp_path / "out" / "bench.md").read_text(encoding="utf-8")):
        assert "nly ratios compare" in text and "paper, Table 3" in text and "-77.2 %" in text


def test_real_data_bring_scores_and_a_chart(small_run, small_set, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    result = bench(["--data", small_set, "--out", str(out), "--train-steps", "2", small_run], tmp_path / "b.json")
    for one in result["inference"]:
        assert 0.0 < one["miou"] < 1.0 and one["miou_images"] == 2 and one["model"] == "bisenet"
    steps = result["training_steps"]
    assert steps["extrapolated_from_steps"] == 2 and steps["duration_s"] > 0 and steps["steps"] == 6
    assert steps["energy_source"].startswith(("estimated", "extrapolated")) and steps["energy_j"] > 0
    assert (out / "bench.html").read_text(encoding="utf-8").count("data:image/png;base64,") >= 1


def test_one_ratio_of_a_graph_of_one_size_is_refused(tmp_path, switch_manifest, write_switch, capsys):
    path = write_switch(tmp_path / "fixed.onnx", switch_manifest(only_size=Size(64, 96)), size=(64, 96))
    assert run(["bench", "--models", path, "--models", path + "@0.5"]) == 2
    shown = capsys.readouterr().err
    assert "takes 96x64 only" in shown and "leave @0.5 out" in shown


@pytest.fixture
def on_a_gpu(monkeypatch, steady_meter):
    """on_a_gpu(names): a GPU's own sensor, and these models run there, all others on the processor."""
    def put(names):
        @contextlib.contextmanager
        def metered(*arguments, **named):
            meter = steady_meter(5.0)
            meter.sensor.name = "nvml"
            yield meter

        monkeypatch.setattr(benching, "metered", metered)
        monkeypatch.setattr(benching, "_place", lambda variant: "CUDA" if variant.name in names else "cpu")

    return put


def test_a_gpus_sensor_meters_no_model_on_the_processor(files, tmp_path, on_a_gpu, capsys):
    on_a_gpu(["two/model.onnx"])
    models = ["--models", files[0], "--models", files[1]]
    for more in ([], ["--power", "nvml"]):
        result = bench(models + ["--idle", "0"] + more, tmp_path / "b.json")
        one, two = result["inference"]
        assert one["energy_j_per_image"] is None and two["energy_source"] == "measured (nvml, VDD_IN)"
        assert one["energy_source"] == "none (nvml sees the GPU alone, and the work is on the CPU)"
        assert result["ratios"][0]["energy"] is None and result["ratios"][0]["time"]["value"] > 0
        assert "one/model.onnx has no joules: " + one["energy"]["reason"] in result["warnings"]


def test_a_sensor_that_was_named_for_what_it_does_not_see_is_taken_at_its_word(files, tmp_path, on_a_gpu):
    on_a_gpu([])
    models = ["--models", files[0], "--models", files[1]]
    result = bench(models + ["--idle", "0", "--power", "nvml"], tmp_path / "b.json")
    assert [one["energy"]["measured"] for one in result["inference"]] == [True, True]


def test_images_that_a_model_learned_from_are_marked(small_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = str(tmp_path / "other")
    shutil.copytree(small_run, copy)
    with open(os.path.join(copy, "run.json")) as file:
        state = json.load(file)
    state["target"]["train"] += state["target"]["val"]
    with open(os.path.join(copy, "run.json"), "w") as file:
        json.dump(state, file)
    result = bench(["--models", small_run, "--models", copy], tmp_path / "b.json")
    assert result["images"].startswith("images that were trained on: 2 images of town")
    assert "other learned from some of these images: mIoU is not that on images never seen" in result["warnings"]
    clean = bench(["--models", small_run], tmp_path / "c.json")
    assert not clean["images"].startswith("images that were") and not any("learned" in one for one in clean["warnings"])
