"""Memory that runs out costs time or an engine, never a plan that is whole, and leaves nothing behind."""
import gc

import numpy as np
import pytest
from tensorrt_double import install
from tensorrt_double_runtime import WORKING_BYTES

from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import DeviceError
from dance_edge.events import Note
from dance_edge.runtime.tensorrt_api import load_tensorrt
from dance_edge.runtime.tensorrt_cuda import NoRoom
from dance_edge.runtime.tensorrt_engine import open_tensorrt
from dance_edge.size import Size

RELEASES = ("8.2", "8.6", "10", "11")
SIZES = (Size(64, 96), Size(96, 128), Size(128, 192))
BUFFER_BYTES = [16 * size.pixels for size in SIZES]  # float32 of three channels, and int32 labels


@pytest.fixture
def engines_of(onnx_path):
    """Opens the engines, all plans built; `said` collects their events from then on."""
    opened = []

    def open_prepared():
        said = []
        opened.append(open_tensorrt(onnx_path, "auto", said.append))
        opened[0].prepare(SIZES)
        del said[:]
        return opened[0], said

    yield open_prepared
    for one in opened:
        one.close()


def switched(size):
    return np.tile(np.arange(size.width) > 100, (size.height, 1))


def segment(engines, size):
    image = np.repeat(np.tile(np.arange(size.width, dtype=np.uint8), (size.height, 1))[:, :, None], 3, axis=2)
    return engines.segment(image, size, IMAGENET)


def notes(said):
    return [event.text for event in said if isinstance(event, Note)]


def no_reserve(monkeypatch):
    """Nothing is let go ahead of need: the errors themselves are what is tried."""
    monkeypatch.setattr("dance_edge.runtime.tensorrt_engine.RESERVE_BYTES", -(1 << 40))


def plan_bytes(engines, size):
    return len(engines._plans(size).stored(size).content)


@pytest.mark.parametrize("release", RELEASES)
def test_the_figure_holds_weights_work_and_buffers(monkeypatch, engines_of, release):
    gpu = install(monkeypatch, release)
    engines, _said = engines_of()
    assert gpu.living == 0 and not gpu.pieces and engines.gpu_memory_bytes() is None
    taken = 0
    for size, buffers in zip(SIZES, BUFFER_BYTES):
        plan = engines._plans(size).stored(size)
        assert plan.memory_bytes == len(plan.content) + WORKING_BYTES + buffers
        free = gpu.free_bytes
        engines.at(size)
        assert free - gpu.free_bytes == plan.memory_bytes
        taken += plan.memory_bytes
        assert engines.gpu_memory_bytes() == taken and engines.precision in ("fp16", "fp32")


# What is left when the third engine is wanted: too little for its plan, its context, its buffers.
LACKS = {"plan": lambda plan: plan // 2, "context": lambda plan: plan + WORKING_BYTES // 2,
         "buffers": lambda plan: plan + WORKING_BYTES + 9000}


@pytest.mark.parametrize("integrated", [True, False])
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("lack", sorted(LACKS))
def test_where_memory_runs_out_the_least_used_goes(monkeypatch, engines_of, release, integrated, lack):
    gpu = install(monkeypatch, release, integrated=integrated)
    no_reserve(monkeypatch)
    engines, said = engines_of()
    for size in (SIZES[2], SIZES[1], SIZES[2]):
        segment(engines, size)
    builds = [line for line in gpu.log if line.startswith("build")]
    gpu.free_bytes = LACKS[lack](plan_bytes(engines, SIZES[0]))
    assert np.array_equal(segment(engines, SIZES[0]), switched(SIZES[0]))
    assert notes(said) == ["no room for the engine 64x96 beside the others: 96x128 is let go"]
    assert gpu.living == 2 and [line for line in gpu.log if line.startswith("build")] == builds
    assert np.array_equal(segment(engines, SIZES[2]), switched(SIZES[2])) and len(notes(said)) == 1


@pytest.mark.parametrize("refused, words", [
    (lambda nbytes: nbytes < 5000, "no memory to load the engine 128x192, 6 MB: .*out of memory"),
    (lambda nbytes: nbytes == WORKING_BYTES, "no memory for the engine 128x192: .*out of memory"),
    (lambda nbytes: nbytes == 12 * SIZES[2].pixels, "no room for a buffer of")])
def test_where_nothing_is_left_to_go_there_is_one_clear_error(monkeypatch, engines_of, refused, words):
    gpu = install(monkeypatch)
    no_reserve(monkeypatch)
    engines, said = engines_of()
    for size in SIZES[:2]:
        segment(engines, size)
    gpu.has_room = lambda nbytes: not refused(nbytes)
    with pytest.raises(NoRoom, match=words) as caught:
        engines.at(SIZES[2])
    assert isinstance(caught.value, DeviceError) and caught.value.exit_code == 6 and "programs" in caught.value.hint
    assert [text.split(": ")[1] for text in notes(said)] == ["64x96 is let go", "96x128 is let go"]
    assert gpu.living == 0 and not gpu.pieces
    del gpu.has_room
    assert np.array_equal(segment(engines, SIZES[2]), switched(SIZES[2]))
    assert gpu.log.count("build 128x192") == 1


@pytest.mark.parametrize("lack", ["context", "buffers", "shape"])
@pytest.mark.parametrize("release", RELEASES)
def test_half_an_engine_leaves_nothing_behind_though_the_error_is_kept(monkeypatch, engines_of, release, lack):
    gpu = install(monkeypatch, release, integrated=False)
    no_reserve(monkeypatch)
    engines, _said = engines_of()
    if lack == "shape":
        monkeypatch.setattr(load_tensorrt().IExecutionContext, "_set", lambda context, shape: False)
    else:
        gpu.free_bytes = LACKS[lack](plan_bytes(engines, SIZES[2]))
    free = gpu.free_bytes
    gc.disable()
    try:
        with pytest.raises(DeviceError) as caught:
            engines.at(SIZES[2])
        assert (gpu.living, gpu.free_bytes, gpu.pieces) == (0, free, {}) and caught.value.__traceback__ is not None
        engines.close()
        assert gpu.log[-1] == "detach" and "an engine went before its context" not in gpu.log
    finally:
        gc.enable()


def test_a_frame_finds_room_too(monkeypatch, engines_of, tmp_path):
    from kernels_on_cpu import compile_kernels

    gpu = install(monkeypatch, integrated=False, kernels=compile_kernels(str(tmp_path)))
    engines, said = engines_of()
    for size in SIZES[:2]:
        engines.at(size)
    gpu.free_bytes = 10000
    assert np.array_equal(segment(engines, SIZES[1]), switched(SIZES[1]))
    assert notes(said) == ["no room for a frame beside the others: 64x96 is let go"] and gpu.living == 1
    gpu.free_bytes = 10000
    image = np.zeros((300, 400, 3), np.uint8)
    with pytest.raises(NoRoom, match="no room for a buffer"):
        engines.segment(image, SIZES[1], IMAGENET)
    assert gpu.living == 1
    assert engines.complexity(image, SIZES[0], "sobel") == 0.0 and gpu.living == 0


def test_files_that_linux_keeps_cost_no_engine(monkeypatch, engines_of):
    gpu = install(monkeypatch)
    engines, said = engines_of()
    gpu.free_bytes, gpu.reclaimable_bytes = 1 << 20, 3 << 30
    for size in SIZES:
        assert np.array_equal(segment(engines, size), switched(size))
    assert gpu.living == 3 and notes(said) == []


def test_a_gpu_that_fails_is_said_and_everything_is_closed(monkeypatch, engines_of):
    gpu = install(monkeypatch, integrated=False)
    engines, _said = engines_of()
    segment(engines, SIZES[0])
    engines._open_ones[SIZES[0]]._start = lambda handle: setattr(gpu, "broken", True) is None
    monkeypatch.setattr("pycuda.driver.memcpy_dtoh_async", lambda *args: None)
    with pytest.raises(DeviceError, match="the GPU failed"):
        engines.at(SIZES[0]).run()
    engines.close()
    assert gpu.log[-1] == "detach" and gpu.living == 0 and not gpu.pieces


def test_a_frame_that_found_no_room_is_not_taken_for_one_that_is_there(monkeypatch, engines_of, tmp_path):
    from kernels_on_cpu import compile_kernels

    gpu = install(monkeypatch, integrated=False, kernels=compile_kernels(str(tmp_path)))
    engines, _said = engines_of()
    small, large = np.full((64, 96, 3), 200, np.uint8), np.zeros((3000, 4000, 3), np.uint8)
    engines.at(SIZES[0])
    engines.complexity(small, SIZES[0], "sobel")
    free, gpu.free_bytes = gpu.free_bytes, 1 << 20
    with pytest.raises(NoRoom):
        engines.complexity(large, SIZES[0], "sobel")
    gpu.free_bytes = free
    assert np.all(engines.segment(small, SIZES[0], IMAGENET) == 1)


def test_kernels_that_the_gpu_does_not_take_leave_frames_to_the_cpu(monkeypatch, engines_of):
    install(monkeypatch)

    def refuse(*args, **options):
        import pycuda.driver as driver

        raise driver.LogicError("cuModuleLoadDataEx failed: device kernel image is invalid")

    monkeypatch.setattr("pycuda.compiler.SourceModule", refuse)
    engines, _said = engines_of()
    assert np.array_equal(segment(engines, SIZES[0]), switched(SIZES[0]))
