"""Plans are built for what is there, kept, and built anew for anything else: on doubles of four releases."""
import os
import shutil

import onnx
import pytest
from onnx import TensorProto, helper
from onnx.external_data_helper import convert_model_to_external_data
from tensorrt_double import TIMINGS, WORKING_BYTES, install

from dance_edge.errors import CheckpointError, ConfigError, DeviceError, ExportError
from dance_edge.events import Note, Progress, Warned
from dance_edge.runtime.tensorrt_api import load_tensorrt
from dance_edge.runtime.tensorrt_builder import workspace_bytes
from dance_edge.runtime.tensorrt_cuda import NoRoom, open_device
from dance_edge.runtime.tensorrt_journal import open_journal
from dance_edge.runtime.tensorrt_plans import Plans
from dance_edge.size import Size

RELEASES = ("8.2", "8.6", "10", "11")
SIZE = Size(64, 96)


@pytest.fixture
def onnx_path(tmp_path, switch_manifest, write_switch):
    return write_switch(tmp_path / "model.onnx", switch_manifest())


@pytest.fixture
def plans_of():
    """Opens the plans of a file on the double that is installed; `said` of it collects the events."""
    devices = []

    def open_plans(path, precision="auto"):
        devices.append(open_device())
        said = []
        trt = load_tensorrt()
        plans = Plans(trt, open_journal(trt), devices[-1], path, precision, said.append)
        plans.said = said
        return plans

    def close():
        while devices:
            devices.pop().close()

    open_plans.close = close
    yield open_plans
    close()


def texts(plans, kind=Note):
    return " | ".join(event.text for event in plans.said if isinstance(event, kind))


@pytest.mark.parametrize("release", RELEASES)
def test_a_plan_is_built_once(monkeypatch, onnx_path, plans_of, release):
    gpu = install(monkeypatch, release)
    first = plans_of(onnx_path).get(SIZE)
    again = plans_of(onnx_path)
    assert again.get(SIZE) == first and gpu.log.count("build 64x96") == 1 and again.stored(SIZE) == first
    assert first.memory_bytes > len(first.content) and again.stored(Size(32, 32)) is None
    assert sorted(os.listdir(again.folder))[:2] == ["lock", "model-64x96-%s.plan" % again.precision]


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


def test_other_weights_under_the_same_name_are_another_plan(monkeypatch, onnx_path, plans_of, write_switch,
                                                            switch_manifest):
    gpu = install(monkeypatch)
    old = plans_of(onnx_path).get(SIZE)
    write_switch(onnx_path, switch_manifest(), level=50.5)
    plans = plans_of(onnx_path)
    assert plans.get(SIZE) != old and gpu.log.count("build 64x96") == 2
    assert "model-64x96-fp16.plan is not used, it is of another ONNX file: it is built anew" in texts(plans)


@pytest.mark.parametrize("release, gpu, words", [
    ("8.6", {}, "it is of TensorRT 8.2.1.8"), ("8.2", {"compute_capability": (7, 2)}, "it is of a GPU of sm_62"),
    ("8.2", {"free_bytes": 600 << 20}, "it is of a workspace of 268435456 bytes")])
def test_a_stale_plan_is_named_and_built_anew(monkeypatch, onnx_path, plans_of, release, gpu, words):
    install(monkeypatch, "8.2")
    plans_of(onnx_path).get(SIZE)
    plans_of.close()
    machine = install(monkeypatch, release, **gpu)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)
    assert machine.log.count("build 64x96") == 1 and words in texts(plans) and plans.stored(SIZE) == plan


def test_a_plan_with_a_smaller_workspace_still_fits(monkeypatch, onnx_path, plans_of):
    install(monkeypatch, free_bytes=600 << 20)
    plan = plans_of(onnx_path).get(SIZE)
    plans_of.close()
    gpu = install(monkeypatch, free_bytes=4 << 30)
    assert plans_of(onnx_path).get(SIZE) == plan and gpu.log == []


def test_a_damaged_plan_is_built_anew(monkeypatch, onnx_path, plans_of):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)
    with open(plans.path(SIZE), "r+b") as file:
        file.seek(-7, os.SEEK_END)
        file.write(b"\xff")
    assert plans.get(SIZE) == plan and gpu.log.count("build 64x96") == 2 and "it is damaged" in texts(plans)


def test_a_plan_that_tensorrt_does_not_load_is_built_anew(monkeypatch, onnx_path, plans_of):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)
    engine = plans.load(SIZE, plan._replace(content=b"seems to fit"))
    assert engine.num_bindings == 2 and gpu.log.count("build 64x96") == 2
    assert "is not loaded by TensorRT (Serialization assertion failed" in texts(plans)


def test_a_full_disk_costs_time_but_no_engine(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    monkeypatch.setattr("dance_edge.runtime.tensorrt_plans.write_plan", _full)
    plans = plans_of(onnx_path)
    assert plans.load(SIZE, plans.get(SIZE)).num_bindings == 2
    assert "64x96 is not kept and will be built again: " in texts(plans, Warned) and "No space" in texts(plans, Warned)


def _full(*args):
    raise OSError(28, "No space left on device")


def test_a_folder_that_takes_nothing_costs_no_engine_either(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    with open(os.path.join(os.path.dirname(onnx_path), "engines"), "w"):
        pass
    plans = plans_of(onnx_path)
    assert plans.get(SIZE).content and "is not kept" in texts(plans, Warned)


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


def test_a_build_that_fails_says_why(monkeypatch, onnx_path, plans_of):
    install(monkeypatch, builds=False)
    with pytest.raises(DeviceError, match="cannot build the engine 64x96: Could not find any implementation") as caught:
        plans_of(onnx_path).get(SIZE)
    assert "256 MB" in caught.value.hint


@pytest.mark.parametrize("release", ["10", "11"])
def test_progress_is_of_the_outermost_phase(monkeypatch, onnx_path, plans_of, release):
    install(monkeypatch, release)
    plans = plans_of(onnx_path)
    plans.get(SIZE)
    assert [event for event in plans.said if isinstance(event, Progress)] == [
        Progress("build 64x96", 1, 2), Progress("build 64x96", 2, 2)]


def test_a_missing_file_is_named(monkeypatch, tmp_path, plans_of):
    install(monkeypatch)
    with pytest.raises(CheckpointError, match="none.onnx"):
        plans_of(str(tmp_path / "none.onnx"))


def test_the_source_and_the_adapted_model_have_plans_of_their_own(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    other = os.path.join(os.path.dirname(onnx_path), "source.onnx")
    shutil.copy(onnx_path, other)
    assert plans_of(onnx_path).path(SIZE) != plans_of(other).path(SIZE)


def test_a_tx2_lends_its_layers_256_mb():
    assert [workspace_bytes(free << 20) >> 20 for free in (100, 1023, 1024, 5000, 8192)] == [64, 64, 256, 256, 1024]


def external(path, name):
    """The file at `path`, its weights in a file `name` beside it."""
    model = onnx.load(path)
    convert_model_to_external_data(model, location=name, size_threshold=0)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("release", RELEASES)
def test_weights_in_a_file_of_their_own_are_found_and_are_part_of_the_key(monkeypatch, onnx_path, plans_of, release,
                                                                          write_switch, switch_manifest):
    gpu = install(monkeypatch, release)
    path = external(onnx_path, "model.data")
    plans = plans_of(path)
    plan = plans.get(SIZE)
    assert plans.load(SIZE, plan) is not None and gpu.log.count("build 64x96") == 1
    os.remove(os.path.join(os.path.dirname(path), "model.data"))
    with open(path, "rb") as file:
        content = file.read()
    external(write_switch(path, switch_manifest(), level=50.5), "model.data")
    with open(path, "rb") as file:
        assert file.read() == content  # the graph is the same, its weights are not
    assert plans_of(path).get(SIZE) != plan and gpu.log.count("build 64x96") == 2


def test_weights_that_are_missing_are_named(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    os.remove(os.path.join(os.path.dirname(external(onnx_path, "model.data")), "model.data"))
    with pytest.raises(ExportError, match="the graph: Failed to open file"):
        plans_of(onnx_path).get(SIZE)


def test_a_file_that_changes_meanwhile_is_not_built_under_the_name_of_the_former(monkeypatch, onnx_path, plans_of,
                                                                                 write_switch, switch_manifest):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    write_switch(onnx_path, switch_manifest(), level=50.5)
    with pytest.raises(CheckpointError, match="changed while it was in use"):
        plans.get(SIZE)
    assert gpu.log == [] and plans_of(onnx_path).get(SIZE).content


def test_the_onnx_file_is_not_held(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    plans = plans_of(onnx_path)
    plans.check()
    plans.get(SIZE)
    with open(onnx_path, "rb") as file:
        content = file.read()
    assert len(content) > 100 and content not in vars(plans).values()


@pytest.mark.parametrize("needs", [0, WORKING_BYTES // 2])
def test_a_plan_is_kept_where_memory_does_not_suffice_to_measure_it(monkeypatch, onnx_path, plans_of, needs):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    build = load_tensorrt().Builder.build_serialized_network

    def and_then_nothing_is_free(*args):
        found = build(*args)
        gpu.free_bytes = found.nbytes * bool(needs) + needs
        return found

    monkeypatch.setattr(load_tensorrt().Builder, "build_serialized_network", and_then_nothing_is_free)
    plan = plans.get(SIZE)
    assert plan.memory_bytes == len(plan.content) + (256 << 20) and plans.stored(SIZE) == plan and gpu.living == 0


def test_a_plan_that_finds_no_room_is_not_called_damaged(monkeypatch, onnx_path, plans_of):
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)
    del plans.said[:]
    free, gpu.free_bytes = gpu.free_bytes, 10
    with pytest.raises(NoRoom, match="no memory to load the engine 64x96, 5 MB: .*out of memory"):
        plans.load(SIZE, plan)
    assert plans.said == [] and plans.stored(SIZE) == plan and gpu.log.count("build 64x96") == 1
    gpu.free_bytes = free
    assert plans.load(SIZE, plan) is not None


@pytest.mark.parametrize("free_bytes, error", [(10, NoRoom), (1 << 30, None)])
def test_a_plan_that_is_refused_without_a_word(monkeypatch, onnx_path, plans_of, free_bytes, error):
    """It is memory where there is too little of it, else the plan."""
    gpu = install(monkeypatch)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)
    runtime, load = load_tensorrt().Runtime, load_tensorrt().Runtime.deserialize_cuda_engine
    refusals = [None]
    monkeypatch.setattr(runtime, "deserialize_cuda_engine",
                        lambda *args: refusals.pop() if refusals else load(*args))
    gpu.free_bytes = free_bytes
    if error is not None:
        with pytest.raises(error, match="0 MB are free"):
            plans.load(SIZE, plan)
    else:
        assert plans.load(SIZE, plan) is not None and "it is built anew" in texts(plans)
    assert gpu.log.count("build 64x96") == (1 if error else 2)


def test_memory_of_the_host_is_memory(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    plans = plans_of(onnx_path)
    plan = plans.get(SIZE)

    def bad_alloc(*args):
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(load_tensorrt().Runtime, "deserialize_cuda_engine", bad_alloc)
    with pytest.raises(NoRoom):
        plans.load(SIZE, plan)
    monkeypatch.setattr(load_tensorrt().Builder, "build_serialized_network", bad_alloc)
    with pytest.raises(NoRoom, match="cannot build the engine 32x32"):
        plans.get(Size(32, 32))


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


@pytest.mark.parametrize("reclaimable, workspace", [(0, 64), (7 << 30, 256)])
def test_files_that_linux_keeps_do_not_shrink_the_workspace(monkeypatch, onnx_path, plans_of, reclaimable, workspace):
    gpu = install(monkeypatch, free_bytes=200 << 20)
    gpu.reclaimable_bytes = reclaimable
    assert plans_of(onnx_path).facts(SIZE)["workspace_bytes"] == workspace << 20
