"""What is built for which GPU, and what is said of a graph that cannot be: on doubles of four releases."""
import os

import onnx
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data
from tensorrt_double import install
from tensorrt_double_builder import TIMINGS

from dance_edge.errors import ConfigError, DeviceError, ExportError
from dance_edge.events import Note, Progress, Warned
from dance_edge.runtime.tensorrt_api import load_tensorrt
from dance_edge.runtime.tensorrt_builder import workspace_bytes
from dance_edge.runtime.tensorrt_cuda import NoRoom
from dance_edge.size import Size

RELEASES = ("8.2", "8.6", "10", "11")
SIZE = Size(64, 96)


def texts(plans, kind=Note):
    return " | ".join(event.text for event in plans.said if isinstance(event, kind))


@pytest.mark.parametrize("release, precision", zip(RELEASES, ("fp16", "fp16", "fp16", "fp32")))
def test_half_precision_where_it_is_fast(monkeypatch, onnx_path, plans_of, release, precision):
    install(monkeypatch, release)
    plans = plans_of(onnx_path)
    assert plans.precision == precision and (b'"half": true' in plans.get(SIZE).content) == (precision == "fp16")
    assert ("takes no other" in texts(plans)) == (release == "11")
    assert plans_of(onnx_path, "fp32").precision == "fp32"


def test_half_precision_where_it_is_slow(monkeypatch, onnx_path, plans_of):
    install(monkeypatch, "8.2", fast_fp16=False, compute_capability=(6, 1))
    assert plans_of(onnx_path).precision == "fp32"
    asked = plans_of(onnx_path, "fp16")
    assert asked.precision == "fp16" and "not fast on this GPU (sm_61)" in texts(asked, Warned)


@pytest.mark.parametrize("capability, why", [((6, 2), "sm_62.*not fast"), ((7, 2), "sm_72.*calibration")])
def test_int8_is_refused_with_the_reason(monkeypatch, onnx_path, plans_of, capability, why):
    install(monkeypatch, "8.2", compute_capability=capability)
    with pytest.raises(ConfigError, match=why):
        plans_of(onnx_path, "int8")


@pytest.mark.parametrize("release", RELEASES)
def test_what_kernels_took_is_known_to_the_next_build(monkeypatch, onnx_path, plans_of, release):
    install(monkeypatch, release)
    plans = plans_of(onnx_path)
    plans.get(SIZE)
    path, = [os.path.join(plans.folder, name) for name in os.listdir(plans.folder) if name.startswith("timing-")]
    with open(path, "rb") as file:
        first = file.read()
    plans.get(Size(32, 32))
    with open(path, "rb") as file:
        assert file.read() == first + b"." != b"."
    for number, content in enumerate((TIMINGS + b"of another device", b"rubbish")):
        with open(path, "wb") as file:
            file.write(content)
        plans.get(Size(32, 64 + 32 * number))
        with open(path, "rb") as file:
            assert file.read() == first


def test_timings_that_raise_are_begun_anew_too(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    config, create = load_tensorrt().IBuilderConfig, load_tensorrt().IBuilderConfig.create_timing_cache

    def strict(self, content):
        if content and create(self, content) is None:
            raise RuntimeError("the timing cache cannot be read")
        return create(self, content)

    monkeypatch.setattr(config, "create_timing_cache", strict)
    plans = plans_of(onnx_path)
    plans.get(SIZE)
    path, = [os.path.join(plans.folder, name) for name in os.listdir(plans.folder) if name.startswith("timing-")]
    with open(path, "wb") as file:
        file.write(b"rubbish")
    assert plans.get(Size(32, 32)).content and texts(plans, Warned) == ""


@pytest.mark.parametrize("release", RELEASES)
def test_every_complaint_of_the_parser_names_its_node(monkeypatch, tmp_path, plans_of, release):
    install(monkeypatch, release)
    nodes = [helper.make_node("NotAnOp", ["image"], ["x"], name="first"), helper.make_node("Relu", ["x"], ["y"]),
             helper.make_node("NotAnOp", ["y"], ["labels"], name="second")]
    path = _write(tmp_path / "odd.onnx", nodes)
    with pytest.raises(ExportError) as caught:
        plans_of(path).get(SIZE)
    for name in ("first", "second"):
        assert "NotAnOp '%s': No importer registered for op: NotAnOp" % name in caught.value.message
    assert caught.value.exit_code == 5 and "\n" not in caught.value.message and "onnxruntime" in caught.value.hint
    assert not [name for name in os.listdir(str(tmp_path / "engines")) if name.endswith(".plan")]


def _write(path, nodes, opset=13):
    sides = ["n", 3, "h", "w"]
    graph = helper.make_graph(nodes, "odd", [helper.make_tensor_value_info("image", TensorProto.FLOAT, sides)],
                              [helper.make_tensor_value_info("labels", TensorProto.FLOAT, sides)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)]), str(path))
    return str(path)


def test_an_opset_that_8_2_does_not_know(monkeypatch, tmp_path, plans_of):
    install(monkeypatch, "8.2")
    with pytest.raises(ExportError, match="opset 17 is too new"):
        plans_of(_write(tmp_path / "m.onnx", [helper.make_node("Relu", ["image"], ["labels"])], 17)).get(SIZE)


def test_weights_that_are_missing_are_named(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    model = onnx.load(onnx_path)
    convert_model_to_external_data(model, location="model.data", size_threshold=0)
    onnx.save(model, onnx_path)
    os.remove(os.path.join(os.path.dirname(onnx_path), "model.data"))
    with pytest.raises(ExportError, match="the graph: Failed to open file"):
        plans_of(onnx_path).get(SIZE)


def test_a_build_that_fails_says_why(monkeypatch, onnx_path, plans_of):
    install(monkeypatch, builds=False)
    with pytest.raises(DeviceError, match="cannot build the engine 64x96: Could not find any implementation") as caught:
        plans_of(onnx_path).get(SIZE)
    assert "256 MB" in caught.value.hint


def test_a_build_without_memory_is_told_from_one_that_cannot_be(monkeypatch, onnx_path, plans_of):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    gpu.free_bytes = 1000
    with pytest.raises(NoRoom, match="cannot build the engine 64x96: Requested amount of GPU memory"):
        plans.get(SIZE)
    gpu.free_bytes, gpu.builds = 4 << 30, False
    with pytest.raises(DeviceError) as caught:
        plans.get(SIZE)
    assert type(caught.value) is DeviceError


@pytest.mark.parametrize("release", ["10", "11"])
def test_progress_is_of_the_outermost_phase(monkeypatch, onnx_path, plans_of, release):
    install(monkeypatch, release)
    plans = plans_of(onnx_path)
    plans.get(SIZE)
    assert [event for event in plans.said if isinstance(event, Progress)] == [
        Progress("build 64x96", 1, 2), Progress("build 64x96", 2, 2)]


def test_a_tx2_lends_its_layers_256_mb():
    assert [workspace_bytes(free << 20) >> 20 for free in (100, 1023, 1024, 5000, 8192)] == [64, 64, 256, 256, 1024]


@pytest.mark.parametrize("reclaimable, workspace", [(0, 64), (7 << 30, 256)])
def test_files_that_linux_keeps_do_not_shrink_the_workspace(monkeypatch, onnx_path, plans_of, reclaimable, workspace):
    gpu = install(monkeypatch, free_bytes=200 << 20)
    gpu.reclaimable_bytes = reclaimable
    assert plans_of(onnx_path).facts(SIZE)["workspace_bytes"] == workspace << 20
