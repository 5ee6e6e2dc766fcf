"""`auto` takes TensorRT where its largest engine ran; where it cannot, it says why and takes the next backend."""
import os

import numpy as np
import onnx
import pytest

from dance_edge.cli.backend import open_engines
from dance_edge.cli.engine_trial import largest_size
from dance_edge.data.transforms import IMAGENET, to_input
from dance_edge.errors import CheckpointError, DeviceError
from dance_edge.events import Note, Progress
from dance_edge.run import open_run
from dance_edge.size import Size

RUNTIME = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runtime")
TOP = Size(128, 192)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.syspath_prepend(RUNTIME)
    (tmp_path / "r").mkdir()
    return tmp_path


@pytest.fixture
def gpu(place, monkeypatch, switch_manifest, write_switch):
    from tensorrt_double import install

    write_switch(place / "r" / "model.onnx", switch_manifest())
    return install(monkeypatch, "10", integrated=False)


def opened(backend="auto", path="r"):
    """The engines, and the texts of what was said."""
    heard = []
    engines = open_engines(open_run(path), backend, None, heard.append)
    return engines, [event.text for event in heard if isinstance(event, Note)], heard


def sees(engines, size=TOP):
    image = np.repeat(np.tile(np.arange(size.width, dtype=np.uint8), (size.height, 1))[:, :, None], 3, axis=2)
    return np.array_equal(engines.at(size).labels(to_input(image, size, IMAGENET)[None])[0],
                          np.tile(np.arange(size.width) > 100, (size.height, 1)))


def test_the_largest_engine_is_built_while_it_is_watched_and_once(gpu):
    engines, said, heard = opened()
    with engines:
        assert engines.name == "tensorrt" and gpu.log.count("build 128x192") == 1 and gpu.living == 1
        assert Progress("build 128x192", 2, 2) in heard and said[-1].startswith("backend: tensorrt on a double in fp16")
        assert sees(engines) and gpu.log.count("build 128x192") == 1
    again, _said, _heard = opened()
    with again:
        assert again.name == "tensorrt" and gpu.log.count("build 128x192") == 1


def test_who_asks_for_tensorrt_is_not_made_to_wait_when_it_opens(gpu):
    engines, _said, _heard = opened("tensorrt")
    with engines:
        assert not [line for line in gpu.log if line.startswith("build")]


def cannot_build(gpu, monkeypatch):
    gpu.builds = False


def has_no_memory(gpu, monkeypatch):
    gpu.free_bytes = 1 << 20


def does_not_load(gpu, monkeypatch):
    import tensorrt

    monkeypatch.setattr(tensorrt.Runtime, "deserialize_cuda_engine", lambda runtime, plan: None)


def does_not_start(gpu, monkeypatch):
    import tensorrt

    monkeypatch.setattr(tensorrt.IExecutionContext, "_start", lambda context, addresses, stream: False)


def breaks(gpu, monkeypatch):
    import tensorrt

    monkeypatch.setattr(tensorrt.IExecutionContext, "_start", lambda context, addresses, stream: setattr(
        gpu.streams[stream], "_work", [lambda: broken(gpu)]) is None)


def broken(gpu):
    from cuda_double import LogicError

    gpu.broken = True
    raise LogicError("cuStreamSynchronize failed: an illegal memory access was encountered")


def is_no_number(gpu, monkeypatch):
    from dance_edge.runtime.tensorrt_engine import TensorRTEngine

    def run(engine):
        raise CheckpointError("the network gave logits that are not numbers", "")

    monkeypatch.setattr(TensorRTEngine, "run", run)


@pytest.mark.parametrize("spoil, words, error", [
    (cannot_build, "cannot build the engine 128x192: Could not find any implementation", DeviceError),
    (has_no_memory, "cannot build the engine 128x192: Requested amount of GPU memory", DeviceError),
    (does_not_load, "TensorRT does not load the engine that it just built", DeviceError),
    (does_not_start, "the engine 128x192 did not start", DeviceError),
    (breaks, "the GPU failed: cuStreamSynchronize failed: an illegal memory access", DeviceError),
    (is_no_number, "the network gave logits that are not numbers", CheckpointError)])
def test_what_goes_wrong_with_it_is_said_and_onnxruntime_taken(gpu, monkeypatch, spoil, words, error):
    spoil(gpu, monkeypatch)
    engines, said, _heard = opened()
    assert engines.name == "onnxruntime" and sees(engines)
    assert said[-1].startswith("backend: onnxruntime, r/model.onnx; not tensorrt: ") and words in said[-1]
    assert gpu.log[-1] == "detach" and gpu.living == 0 and not gpu.pieces and not any(gpu.current.values())
    gpu.broken = False
    with opened("tensorrt")[0] as asked:
        with pytest.raises(error) as caught:
            asked.at(TOP).labels(np.zeros((1, 3) + TOP, np.float32))
        assert words in caught.value.message


def test_an_interrupt_closes_what_was_opened(gpu, monkeypatch):
    from dance_edge.runtime.tensorrt_engine import TensorRTEngine

    def interrupted(engine):
        raise KeyboardInterrupt

    monkeypatch.setattr(TensorRTEngine, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        opened()
    assert gpu.log[-1] == "detach" and gpu.living == 0


def test_which_size_is_tried(place, switch_manifest, write_switch):
    manifest = switch_manifest()
    path = write_switch(place / "m.onnx", switch_manifest(), metadata=False)
    assert len(manifest.rungs) > 1 and largest_size(path, manifest) == TOP
    assert largest_size(path, manifest._replace(rungs=manifest.rungs[::-1])) == TOP
    assert largest_size(path, None) is None and largest_size(path, manifest._replace(rungs=())) is None
    model = onnx.load(path)
    for side, number in zip(model.graph.input[0].type.tensor_type.shape.dim[2:], (64, 96)):
        side.dim_value = number
    onnx.save(model, path)
    assert largest_size(path, None) == Size(64, 96)
