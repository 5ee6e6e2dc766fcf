import json
import os
import shutil

import pytest

from dance_edge.cli.main import run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_export_writes_a_checked_file_and_says_how_well_it_agrees(small_run, capfd):
    shutil.copytree(small_run, "r")
    os.remove("r/model.onnx")
    assert run(["-q", "export", "r", "--opset", "11", "--json", "-"]) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["opset"] == 11 and result["bytes"] == os.path.getsize("r/model.onnx") and result["format"] == 1
    for rung in result["rungs"]:
        assert set(rung) == {"height", "width", "max_logit_error", "label_agreement"}
        # a network that has hardly been trained lies near ties: the bound is the export's own
        assert rung["max_logit_error"] <= 1e-4 and rung["label_agreement"] >= 0.999


def test_a_checkpoint_alone_takes_data_to_compare_on(small_run, small_set, capfd):
    shutil.copy(os.path.join(small_run, "model.pt"), "m.pt")
    assert run(["export", "m.pt"]) == 2
    assert "--data" in capfd.readouterr().err and not os.path.exists("model.onnx")
    assert run(["-q", "export", "m.pt", "--data", small_set, "--out", "m.onnx"]) == 0
    assert os.path.exists("m.onnx")


def test_an_onnx_file_is_not_exported_again(small_run, capfd):
    assert run(["export", os.path.join(small_run, "model.onnx")]) == 4
    assert "hint:" in capfd.readouterr().err
