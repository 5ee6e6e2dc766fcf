import json
import os
import shutil
import subprocess
import sys

import pytest

from dance_edge.cli.main import run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def run_folder(tmp_path, switch_manifest, write_switch):
    """A run of the gray switch and its source, without the data that it was made from."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("model.onnx", "source.onnx"):
        write_switch(folder / name, switch_manifest())
    (folder / "run.json").write_text(json.dumps({"format": 1, "state": "finished"}))
    energy = {"gross_j": 1234.5, "source": "tx2_model", "duration_s": 60.0}
    (folder / "report.json").write_text(json.dumps({"format": 1, "images_kept": 40, "macs_p": 0.005,
                                                    "duration_s": 60.0, "energy": energy}))
    return folder


def test_the_promised_keys(run_folder, tmp_path, capsys):
    path = str(tmp_path / "b.json")
    assert run(["bench", str(run_folder), "--images", "2", "--json", path]) == 0
    with open(path) as file:
        result = json.load(file)
    assert result["format"] == 1 and [one["name"] for one in result["inference"]] == ["source", "adapted"]
    for one in result["inference"]:
        assert one["latency_ms"]["p99"] >= one["latency_ms"]["p50"] > 0
        assert one["fps"] > 0 and one["macs_g"] > 0 and one["params_m"] > 0 and one["energy_j_per_image"] > 0
        assert one["energy_source"] == one["energy"]["label"] == "estimated (TX2 model)"
    training = result["training"]
    assert (training["energy_j"], training["energy_source"]) == (1234.5, "estimated (TX2 model)")
    assert (training["images_seen"], training["macs_p"], training["duration_s"]) == (40, 0.005, 60.0)
    assert json.loads((run_folder / "bench.json").read_text()) == result
    page, shown = (run_folder / "bench.md").read_text(), capsys.readouterr()
    for text in (page, shown.out):
        assert text.count("estimated (TX2 model)") >= 3 and "source" in text and "adapted" in text
    assert "drawn" in shown.err and "drawn" in page


def test_a_model_that_travels_alone(run_folder, tmp_path, capsys):
    alone = str(tmp_path / "alone.onnx")
    shutil.copy(str(run_folder / "model.onnx"), alone)
    assert run(["bench", alone, "--images", "2", "--json", "-"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in result["inference"]] == ["adapted"]
    assert result["training"]["energy_j"] is None and result["training"]["energy_source"].startswith("none")
    assert sorted(os.listdir(str(tmp_path))) == ["alone.onnx", "run"]


def test_the_users_own_images_and_profile(run_folder, tmp_path, switch_manifest, capsys):
    import cv2
    import numpy as np

    images = tmp_path / "pictures"
    images.mkdir()
    cv2.imwrite(str(images / "a.png"), np.full((128, 192, 3), 90, np.uint8))
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps(switch_manifest().profile._replace(loc=-10.0).to_dict()))
    flags = ["bench", str(run_folder), "--data", str(images), "--profile", str(profile), "--images", "1", "--json", "-"]
    assert run(flags) == 0
    result = json.loads(capsys.readouterr().out)
    assert "1 images of pictures" in result["images"]
    assert result["inference"][1]["sizes"] == {"128x192": 1}  # flat, but complex as that profile has it


@pytest.mark.parametrize("arguments, code", [
    (["missing"], 4), (["RUN", "--data", "missing"], 3), (["RUN", "--backend", "torch"], 2),
    (["RUN", "--backend", "tensorrt"], 6), (["RUN", "--profile", "missing.json"], 3), (["RUN", "--images", "0"], 2),
    (["RUN", "--label-map", "camvid11-to-idd7"], 2), (["RUN", "--mean", "0,0,0"], 2),
    (["--models", "RUN", "--mean", "0,0,0", "--classes", "a,b"], 2),
])
def test_what_cannot_be_is_refused_with_a_hint(run_folder, arguments, code, capsys):
    assert run(["bench"] + [str(run_folder) if one == "RUN" else one for one in arguments]) == code
    shown = capsys.readouterr().err
    assert "error:" in shown and "hint:" in shown and "Traceback" not in shown


def test_no_torch_is_needed(run_folder):
    code = ("import sys; sys.modules['torch'] = None; from dance_edge.cli.main import run; "
            "sys.exit(run(['-q', 'bench', %r, '--images', '1']))" % str(run_folder))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    assert done.returncode == 0 and "adapted" in done.stdout, done.stdout


def test_flags_of_no_use_are_named(run_folder, capsys):
    assert run(["bench", str(run_folder), "--label-map", "m.json"]) == 2
    assert "there is no --data" in capsys.readouterr().err
    assert run(["bench", "--models", str(run_folder), "--mean", "0,0,0", "--stride", "8"]) == 2
    assert "says itself what it is: --mean, --stride would contradict it" in capsys.readouterr().err


def test_a_failure_that_nobody_expected_loses_no_figure(run_folder, tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise TypeError("of training alone")

    monkeypatch.setattr("dance_edge.cli.benching.measure_steps", fail)
    path = tmp_path / "b.json"
    assert run(["bench", str(run_folder), "--images", "1", "--train-steps", "2", "--json", str(path)]) == 1
    shown = capsys.readouterr()
    assert shown.err.strip().splitlines()[-1].startswith("error: unexpected TypeError: of training alone")
    result = json.loads(path.read_text())
    assert [one["latency_ms"]["p50"] > 0 for one in result["inference"]] == [True, True]
    assert json.loads((run_folder / "bench.json").read_text()) == result and "report: " in shown.out
    assert result["training_steps"]["reason"] == "unexpected TypeError: of training alone"
    assert "--train-steps: unexpected TypeError: of training alone" in result["warnings"]


def test_the_help_says_where_nothing_is_written_and_whose_steps_are_taken(capsys):
    assert run(["bench", "--help"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "With --models, or for a file alone, nothing is written without it." in words
    assert "of several --models the last one's" in words
