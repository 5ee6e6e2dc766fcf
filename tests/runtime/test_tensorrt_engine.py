"""TensorRT behind the seam: known labels at every rung, on doubles of four releases and on both kinds of memory."""
import sys
import threading

import numpy as np
import onnx
import pytest
from kernels_on_cpu import compile_kernels
from onnx import TensorProto, helper
from tensorrt_double import install
from tensorrt_double_runtime import WORKING_BYTES

from dance_edge.complexity.indicator import measure
from dance_edge.data.transforms import IMAGENET, Normalization, to_input
from dance_edge.errors import ConfigError, DeviceError
from dance_edge.events import Note, Warned
from dance_edge.runtime.tensorrt_engine import RESERVE_BYTES, open_tensorrt
from dance_edge.size import Size

RELEASES = ("8.2", "8.6", "10", "11")
SIZES = (Size(64, 96), Size(96, 128), Size(128, 192))
OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    return compile_kernels(str(tmp_path_factory.mktemp("kernels")))


@pytest.fixture
def path_for(tmp_path, switch_manifest, write_switch):
    return lambda normalization: write_switch(tmp_path / "m.onnx", switch_manifest(normalization))


def opened(path, said=None, precision="auto"):
    return open_tensorrt(path, precision, (said if said is not None else []).append)


def ramp(size):
    """A gray image whose level is the column."""
    return np.repeat(np.tile(np.arange(size.width, dtype=np.uint8), (size.height, 1))[:, :, None], 3, axis=2)


def texts(said, kind=Note):
    return [event.text for event in said if isinstance(event, kind)]


@pytest.mark.parametrize("integrated", [True, False])
@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("normalization", [IMAGENET, OTHER])
def test_the_class_switches_at_its_gray_level(monkeypatch, path_for, kernels, release, integrated, normalization):
    path = path_for(normalization)
    install(monkeypatch, release, integrated=integrated, kernels=kernels)
    with opened(path) as engines:
        for size in SIZES:
            wanted = np.tile(np.arange(size.width) > 100, (size.height, 1))
            labels = engines.at(size).labels(np.stack([to_input(ramp(size), size, normalization)] * 2))
            assert labels.dtype == np.int32 and labels.shape == (2,) + size and np.array_equal(labels[1], wanted)
            assert np.array_equal(engines.segment(ramp(size), size, normalization), wanted)


@pytest.mark.parametrize("release", RELEASES)
def test_a_frame_is_resized_on_the_gpu_as_on_the_cpu(monkeypatch, onnx_path, kernels, release):
    gpu = install(monkeypatch, release, integrated=False, kernels=kernels)
    image = np.random.RandomState(0).randint(0, 256, (150, 211, 3)).astype(np.uint8)
    with opened(onnx_path) as engines:
        for size in SIZES:
            wanted = engines.at(size).labels(to_input(image, size, IMAGENET)[None])[0]
            assert np.mean(engines.segment(image, size, IMAGENET) == wanted) > 0.999 and 0 < wanted.mean() < 1
    assert gpu.log.count("compile") == 1


@pytest.mark.parametrize("indicator", ["sobel", "weber"])
def test_complexity_on_the_gpu_is_that_of_the_cpu(monkeypatch, onnx_path, kernels, indicator):
    install(monkeypatch, kernels=kernels)
    image = np.random.RandomState(0).randint(0, 256, (240, 320, 3)).astype(np.uint8)
    with opened(onnx_path) as engines:
        for size in (Size(240, 320), Size(120, 160)):
            wanted = measure(image, size, indicator)
            assert engines.complexity(image, size, indicator) == pytest.approx(wanted, rel=5e-3)


def test_an_array_that_holds_the_next_frame_is_looked_at_again(monkeypatch, onnx_path, kernels):
    install(monkeypatch, kernels=kernels)
    size, image = SIZES[0], np.full(SIZES[0] + (3,), 50, dtype=np.uint8)
    with opened(onnx_path) as engines:
        for level, wanted in ((50, 0), (200, 1), (50, 0)):
            image[:] = level
            assert engines.complexity(image, size, "sobel") == 0.0
            assert np.all(engines.segment(image, size, IMAGENET) == wanted)
        image[:] = 200
        assert np.all(engines.segment(image, size, IMAGENET) == 1)


def test_neither_a_frame_nor_a_change_of_rungs_allocates(monkeypatch, onnx_path, kernels):
    gpu = install(monkeypatch, integrated=False, kernels=kernels)
    image = ramp(SIZES[2])
    with opened(onnx_path) as engines:
        for size in SIZES:
            engines.segment(image, size, IMAGENET)
        pieces, free, log = sorted(gpu.pieces), gpu.free_bytes, list(gpu.log)
        for size in SIZES[::-1] * 3:
            engines.segment(image, size, IMAGENET)
        assert (sorted(gpu.pieces), gpu.free_bytes, gpu.log) == (pieces, free, log)


def test_all_is_given_back(monkeypatch, onnx_path, kernels):
    gpu = install(monkeypatch, integrated=False, kernels=kernels)
    before = gpu.free_bytes
    with opened(onnx_path) as engines:
        engines.complexity(ramp(SIZES[0]), SIZES[0], "sobel")
        engines.segment(ramp(SIZES[0]), SIZES[0], IMAGENET)
        assert gpu.free_bytes < before
    engines.close()
    assert gpu.free_bytes == before and not gpu.pieces and gpu.log.count("detach") == 1 and not any(
        gpu.current.values())


def test_no_memory_is_given_back_while_the_gpu_works_on_it(monkeypatch, onnx_path, kernels):
    gpu = install(monkeypatch, integrated=False, kernels=kernels)
    with opened(onnx_path) as engines:
        engine = engines.at(SIZES[0])
        engine.input.upload()  # and then an error, say, before anybody waits for it
    assert not gpu.pieces and not any(stream._work for stream in gpu.streams.values())


def test_a_gpu_that_cannot_be_opened_is_given_back_too(monkeypatch, onnx_path):
    gpu = install(monkeypatch)
    with pytest.raises(ConfigError, match="INT8"):
        opened(onnx_path, precision="int8")
    assert gpu.log == ["detach"]


@pytest.mark.parametrize("release", RELEASES)
def test_logits_and_one_output_of_several(monkeypatch, tmp_path, kernels, release):
    install(monkeypatch, release, kernels=kernels)
    said = []
    with opened(_two_outputs(tmp_path / "m.onnx"), said) as engines:
        labels = engines.segment(ramp(SIZES[0]), SIZES[0], Normalization((0.0,) * 3, (1 / 255.0,) * 3))
    assert np.array_equal(labels, np.tile(np.arange(96) > 50, (64, 1)))
    assert [text for text in texts(said) if "output 2 of 2" in text and "logits" in text]


def _two_outputs(path):
    """Features (N, 1), then logits at a stride of 2 that switch at level 50.5."""
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2, 3, 1, 1], [0.0] * 3 + [1.0 / 3] * 3)
    bias = helper.make_tensor("b", TensorProto.FLOAT, [2], [0.0, -50.5])
    nodes = [helper.make_node("AveragePool", ["image"], ["half"], kernel_shape=[2, 2], strides=[2, 2]),
             helper.make_node("Conv", ["half", "w", "b"], ["logits"]),
             helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0)]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w_"])
    outputs = [helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["n"]),
               helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2, "h2", "w2"])]
    model = helper.make_model(helper.make_graph(nodes, "two", [image], outputs, [weight, bias]),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(path))
    return str(path)


def test_what_all_rungs_take_is_said_before_one_is_loaded(monkeypatch, onnx_path, kernels):
    gpu = install(monkeypatch, kernels=kernels)
    said = []
    with opened(onnx_path, said) as engines:
        engines.prepare(SIZES)
        line = texts(said)[-1]
        assert line.startswith("3 engines (fp16) take 16 MB together, ") and "let go" not in line
        assert gpu.log.count("build 64x96") == 1 and engines.prepare(SIZES) is None
        assert gpu.log.count("build 64x96") == 1 and gpu.living == 0


def test_where_they_do_not_fit_the_least_used_is_let_go(monkeypatch, onnx_path, kernels):
    gpu = install(monkeypatch, kernels=kernels)
    said = []
    image = ramp(SIZES[0])
    with opened(onnx_path, said) as engines:
        engines.segment(image, SIZES[0], IMAGENET)
        for _ in range(3):
            engines.segment(image, SIZES[1], IMAGENET)
        gpu.free_bytes = RESERVE_BYTES + WORKING_BYTES // 2
        engines.prepare(SIZES[:2])
        assert texts(said)[-1].endswith("the least used will be let go")
        wanted = np.tile(np.arange(192) > 100, (128, 1))
        assert np.array_equal(engines.segment(ramp(SIZES[2]), SIZES[2], IMAGENET), wanted)
        assert texts(said)[-1] == "no room for the engine 128x192 beside the others: 64x96 is let go"
        assert gpu.living == 2


def test_a_context_belongs_to_its_thread(monkeypatch, onnx_path, kernels):
    install(monkeypatch, kernels=kernels)
    caught = []
    with opened(onnx_path) as engines:
        engine = engines.at(SIZES[0])

        def elsewhere():
            try:
                engine.run()
            except RuntimeError as reason:
                caught.append(str(reason))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert caught == ["a CUDA context belongs to the thread that opened it: open the engines where they run"]


def test_without_nvcc_the_cpu_resizes(monkeypatch, onnx_path):
    install(monkeypatch, kernels=None)
    said = []
    image = ramp(SIZES[0])
    with opened(onnx_path, said) as engines:
        assert np.array_equal(engines.segment(image, SIZES[0], IMAGENET), np.tile(np.arange(96) > 100, (64, 1)))
        assert engines.complexity(image, SIZES[0], "sobel") == measure(image, SIZES[0], "sobel")
    warning, = texts(said, Warned)
    assert warning.startswith("frames are resized on the CPU: ") and "/usr/local/cuda/bin" in warning


@pytest.mark.parametrize("missing, words", [("tensorrt", "TensorRT is not installed"),
                                            ("pycuda.driver", "PyCUDA is not installed")])
def test_what_is_not_installed_is_named(monkeypatch, onnx_path, missing, words):
    install(monkeypatch)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(DeviceError, match=words) as caught:
        opened(onnx_path)
    assert caught.value.exit_code == 6 and caught.value.hint


def test_no_gpu(monkeypatch, onnx_path):
    install(monkeypatch, present=False)
    with pytest.raises(DeviceError, match="CUDA finds no GPU: cuInit failed") as caught:
        opened(onnx_path)
    assert "onnxruntime" in caught.value.hint


def test_a_gpu_that_tensorrt_does_not_find(monkeypatch, onnx_path):
    gpu = install(monkeypatch)
    monkeypatch.setattr("pycuda.driver.init", lambda: setattr(gpu, "present", False))
    with pytest.raises(DeviceError, match="TensorRT 8.2.1.8 finds no GPU to build for: CUDA initialization failure"):
        opened(onnx_path)


def test_an_input_of_another_rung_is_no_input(monkeypatch, onnx_path, kernels):
    install(monkeypatch, kernels=kernels)
    with opened(onnx_path) as engines:
        with pytest.raises(ValueError, match="64x96"):
            engines.at(SIZES[0]).labels(np.zeros((1, 3, 96, 64), dtype=np.float32))
