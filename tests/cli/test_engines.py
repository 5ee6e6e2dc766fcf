"""TensorRT from the command line: built, compared, served; on a double, since there is no GPU here."""
import json
import os
import shutil
import sys

import numpy as np
import pytest

from dance_edge.cli.main import run

RUNTIME = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runtime")


@pytest.fixture
def here(tmp_path, monkeypatch, quick_run):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(RUNTIME)
    shutil.copytree(quick_run, "r")


@pytest.fixture
def gpu(here, monkeypatch, tmp_path_factory):
    from kernels_on_cpu import compile_kernels
    from tensorrt_double import install

    return install(monkeypatch, "8.2", kernels=compile_kernels(str(tmp_path_factory.mktemp("kernels"))))


def read(path):
    with open(path) as file:
        return json.load(file)


def test_engines_are_built_compared_and_the_run_is_called_deployable(gpu, capfd):
    assert run(["-q", "export", "r", "--engines", "--json", "e.json"]) == 0
    found = read("e.json")
    assert found["engines"]["place"] == "a double in fp16" and found["opset"] == 13
    assert len(found["engines"]["rungs"]) == len(found["rungs"]) >= 2
    for rung in found["engines"]["rungs"]:
        assert rung["max_logit_error"] is None and rung["label_agreement"] >= 0.999 and abs(rung["miou_change"]) < 0.005
    state = read("r/run.json")
    assert state["state"] == "deployable" and set(state["parity"]) == {"model.onnx", "engines"}
    assert len([name for name in os.listdir("r/engines") if name.endswith(".plan")]) == len(found["rungs"])
    assert "engines, a double in fp16" in capfd.readouterr().out and gpu.log[-1] == "detach"


@pytest.fixture
def blind(gpu, monkeypatch):
    """Engines that see class 0 everywhere."""
    from dance_edge.runtime.tensorrt_engine import TensorRTEngine

    monkeypatch.setattr(TensorRTEngine, "run", lambda engine: np.zeros(engine._size, dtype=np.int32))


def test_engines_that_see_something_else_are_not_deployed_unless_forced(blind, capfd):
    assert run(["-q", "export", "r", "--engines", "--json", "e.json"]) == 5
    said = capfd.readouterr().err
    assert "error: not to be deployed: " in said and "mIoU changes by -" in said and "--force" in said
    state = read("r/run.json")
    assert state["state"] == "finished" and state["parity"]["engines"]["why_not"] and read("e.json")["engines"]
    assert run(["-q", "export", "r", "--engines", "--force"]) == 0
    state = read("r/run.json")
    assert state["state"] == "deployable" and state["parity"]["engines"]["forced"] is True


def test_a_new_model_forgets_what_was_said_of_the_former_ones_engines(blind):
    assert run(["-q", "export", "r", "--engines"]) == 5
    assert run(["-q", "export", "r"]) == 0
    state = read("r/run.json")
    assert state["state"] == "deployable" and set(state["parity"]) == {"model.onnx"}


def test_files_without_their_run_are_exported_and_nothing_is_recorded(here, small_set):
    os.mkdir("copied")
    shutil.copy("r/model.pt", "copied/model.pt")
    assert run(["-q", "export", "copied", "--data", small_set]) == 0
    assert not os.path.exists("copied/run.json") and os.path.exists("copied/model.onnx")


def test_a_board_that_only_serves_builds_from_the_onnx_file_alone(gpu, small_set, monkeypatch):
    os.mkdir("alone")
    shutil.copy("r/model.onnx", "alone/model.onnx")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(["-q", "export", "alone/model.onnx", "--engines", "--data", small_set, "--json", "e.json"]) == 0
    found = read("e.json")
    assert found["engines"]["rungs"] and os.listdir("alone/engines") and found["format"] == 1
    assert (found["opset"], found["bytes"]) == (13, os.path.getsize("alone/model.onnx"))
    assert (found["output"], found["normalization"], found["common"]) == ("labels", "outside", None)
    assert [(rung["height"], rung["width"], rung["file"]) for rung in found["rungs"]] == [
        (rung["height"], rung["width"], rung["file"]) for rung in found["engines"]["rungs"]]
    for rung in found["rungs"]:  # PyTorch is not here to compare with
        assert rung["max_logit_error"] is rung["label_agreement"] is rung["miou_change"] is None
    assert run(["export", "alone/model.onnx"]) == 4


def test_serve_bench_and_eval_give_what_onnxruntime_gives(gpu, small_set, capfd):
    images = os.path.join(small_set, "images", "val")
    found = {}
    for backend in ("tensorrt", "onnxruntime"):
        assert run(["serve", "r", "--video", images, "--backend", backend, "--json", backend + ".json"]) == 0
        assert run(["-q", "eval", "r", "--backend", backend, "--json", "e.json"]) == 0
        found[backend] = (read(backend + ".json")["sizes"], round(read("e.json")["miou"], 3))
    said = capfd.readouterr().err
    assert found["tensorrt"] == found["onnxruntime"] and "backend: tensorrt on a double in fp16, r/model.onnx" in said
    assert "engines (fp16) take" in said
    assert run(["-q", "bench", "r", "--backend", "tensorrt", "--images", "2", "--json", "b.json"]) == 0
    assert [one["name"] for one in read("b.json")["inference"]][-1] == "adapted"
    assert gpu.log.count("detach") == 4 and gpu.living == 0  # of serve, eval, and twice of bench


def test_auto_takes_tensorrt_where_it_works_and_says_why_where_not(gpu, small_set, capfd):
    serve = ["serve", "r", "--video", os.path.join(small_set, "images", "val"), "--frames", "1"]
    assert run(serve) == 0
    assert "backend: tensorrt on a double in fp16" in capfd.readouterr().err
    gpu.present = False
    assert run(serve) == 0
    assert "backend: onnxruntime, r/model.onnx; not tensorrt: CUDA finds no GPU" in capfd.readouterr().err
    assert run(serve + ["--backend", "tensorrt"]) == 6


def test_a_rungs_own_file_has_an_engine_of_its_own(gpu):
    import onnx

    model = onnx.load("r/model.onnx")
    facts = json.loads(model.metadata_props[0].value)
    onnx.helper.set_model_props(model, {"dance_edge": json.dumps(dict(facts, rung_files={"64x96": "gone.onnx"}))})
    onnx.save(model, "r/model.onnx")
    assert run(["-q", "export", "r", "--engines", "--json", "e.json"]) == 0  # as the file has it that is there
    for one in (read("e.json"), read("e.json")["engines"]):
        assert [rung["file"] for rung in one["rungs"]] == [
            "model-%dx%d.onnx" % (rung["height"], rung["width"]) for rung in one["rungs"]]
    sizes = ["%dx%d" % (rung["height"], rung["width"]) for rung in read("e.json")["engines"]["rungs"]]
    plans = [name for name in os.listdir("r/engines") if name.endswith(".plan")]
    assert sorted(plans) == sorted("model-%s-%s-fp16.plan" % (size, size) for size in sizes)


def test_auto_passes_over_a_tensorrt_that_does_not_read_the_graph(gpu, small_set, capfd):
    import onnx

    model = onnx.load("r/model.onnx")
    model.opset_import[0].version = 14  # one more than 8.2 knows
    onnx.save(model, "r/model.onnx")
    serve = ["serve", "r", "--video", os.path.join(small_set, "images", "val"), "--frames", "1"]
    assert run(serve) == 0
    said = capfd.readouterr().err
    assert "backend: onnxruntime, r/model.onnx; not tensorrt: TensorRT 8.2.1.8 does not read" in said
    assert run(serve + ["--backend", "tensorrt"]) == 5 and gpu.log.count("detach") == 2


def test_int8_is_refused(gpu, capfd):
    assert run(["export", "r", "--engines", "--precision", "int8"]) == 2
    assert "sm_62" in capfd.readouterr().err


def test_without_tensorrt_the_engines_are_one_clear_line(here, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert run(["-q", "export", "r", "--engines"]) == 6
    said = capfd.readouterr().err
    assert "error: TensorRT is not installed" in said and "hint:" in said and "Traceback" not in said
