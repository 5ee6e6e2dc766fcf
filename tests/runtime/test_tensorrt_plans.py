"""Plans are built for what is there, kept, and built anew for anything else: on doubles of four releases."""
import os
import shutil

import onnx
import pytest
from onnx.external_data_helper import convert_model_to_external_data
from tensorrt_double import install
from tensorrt_double_runtime import WORKING_BYTES

from dance_edge.errors import CheckpointError
from dance_edge.events import Note, Warned
from dance_edge.runtime.tensorrt_api import load_tensorrt
from dance_edge.runtime.tensorrt_cuda import NoRoom
from dance_edge.size import Size

RELEASES = ("8.2", "8.6", "10", "11")
SIZE = Size(64, 96)


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


def test_a_missing_file_is_named(monkeypatch, tmp_path, plans_of):
    install(monkeypatch)
    with pytest.raises(CheckpointError, match="none.onnx"):
        plans_of(str(tmp_path / "none.onnx"))


def test_the_source_and_the_adapted_model_have_plans_of_their_own(monkeypatch, onnx_path, plans_of):
    install(monkeypatch)
    other = os.path.join(os.path.dirname(onnx_path), "source.onnx")
    shutil.copy(onnx_path, other)
    assert plans_of(onnx_path).path(SIZE) != plans_of(other).path(SIZE)


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
