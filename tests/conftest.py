"""What every test stands on: the shared real data, bounded threads, and a cache folder of the test run's own."""
import json
import os
import signal

import pytest

NAMES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # read once, as numpy and torch are imported
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# A worker inherits what the process above it set, for itself alone: with more threads than cores all wait spinning.
THREADS = min([max(1, min(4, os.cpu_count() or 1) // WORKERS)] + [int(os.environ.get(name) or 99) for name in NAMES])
os.environ.update({name: str(THREADS) for name in NAMES})
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def data_dir():
    """The folder of real data sets that DANCE_EDGE_DATA names; without it a test skips, and fails under CI=true."""
    path = os.environ.get("DANCE_EDGE_DATA", "")
    if path and os.path.isdir(path):
        return os.path.abspath(path)
    reason = "DANCE_EDGE_DATA=%r is not a folder of data sets" % path
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session", autouse=True)
def as_on_a_terminal():
    """A process that a script started in the background ignores SIGINT, and so would the tests and all that they
    start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Caches of scans go to a folder of this test run; matplotlib keeps its own, which takes seconds to make."""
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    patch = pytest.MonkeyPatch()
    if "MPLCONFIGDIR" not in os.environ:
        patch.setenv("MPLCONFIGDIR", os.path.join(user_cache, "matplotlib"))
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def few_opencv_threads():
    """OpenCV takes every core by itself; the tests share theirs."""
    import cv2

    cv2.setNumThreads(THREADS)


def _switch_manifest(normalization=None, **changes):
    from dance_edge.complexity.policy import SlimPolicy
    from dance_edge.complexity.profile import ComplexityProfile
    from dance_edge.data.labels import ClassSet
    from dance_edge.data.transforms import IMAGENET
    from dance_edge.manifest import Manifest, Rung
    from dance_edge.size import Size

    sizes = ((Size(64, 96), 0.5), (Size(96, 128), 0.75), (Size(128, 192), 1.0))
    facts = dict(
        model="gray_switch", classes=ClassSet(("dark", "bright"), ((0, 0, 255), (255, 0, 0))), stride=32, params=8,
        normalization=normalization or IMAGENET, policy=SlimPolicy(), image_size=Size(128, 192), channels={},
        profile=ComplexityProfile(0.0, 0.1, Size(128, 192), 100, 0.05, "made", "sobel"),
        rungs=tuple(Rung(size, ratio, 1e3 * size.pixels) for size, ratio in sizes))
    facts.update(changes)
    return Manifest(**facts)


def _write_switch(path, manifest, level=100.5, metadata=True, logits=False, size=("height", "width")):
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper, save

    from dance_edge.manifest import METADATA_KEY

    std, mean = np.array(manifest.normalization.std), np.array(manifest.normalization.mean)
    weight = np.stack([np.zeros(3), std / 3.0]).astype(np.float32).reshape(2, 3, 1, 1)
    bias = np.array([0.0, mean.mean() - level / 255.0], dtype=np.float32)
    nodes = [helper.make_node("Conv", ["image", "weight", "bias"], ["logits"])]
    output = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2] + list(size))
    if not logits:
        nodes += [helper.make_node("ArgMax", ["logits"], ["index"], axis=1, keepdims=0),
                  helper.make_node("Cast", ["index"], ["labels"], to=TensorProto.INT32)]
        output = helper.make_tensor_value_info("labels", TensorProto.INT32, ["n"] + list(size))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3] + list(size))
    constants = [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")]
    model = helper.make_model(helper.make_graph(nodes, "switch", [image], [output], constants),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7  # what onnxruntime 1.10 reads
    if metadata:
        helper.set_model_props(model, {METADATA_KEY: json.dumps(manifest.to_dict())})
    save(model, str(path))
    return str(path)


def _write_clip(path, images, fps=25.0):
    import cv2

    code = cv2.VideoWriter_fourcc(*("MJPG" if str(path).endswith(".avi") else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, fps, (images[0].shape[1], images[0].shape[0]))
    assert writer.isOpened()
    for image in images:
        writer.write(image)
    writer.release()
    return str(path)


@pytest.fixture
def switch_manifest():
    """Makes a manifest of the gray switch for images of 128x192; keywords replace its fields."""
    return _switch_manifest


@pytest.fixture
def write_switch():
    """Writes a network whose answer is known: class 1 where a gray pixel lies above `level`, class 0 below."""
    return _write_switch


def _scenes(count, size):
    import torch
    from torch.nn import functional as F

    patches = F.interpolate(torch.randn(count, 3, 3, 5), size=tuple(size), mode="bilinear", align_corners=False)
    return patches + torch.randn(count, 1, 1, 1) + 0.2 * torch.randn(count, 3, *size)


@pytest.fixture
def scenes():
    """Makes a network's input (count, 3, H, W): noisy patches, each image of a brightness of its own.

    Images differ as wholes too, so that pooled features do.
    """
    return _scenes


@pytest.fixture
def steady_meter():
    """Makes an energy meter whose sensor gives so many watts, always: `scripted`, of VDD_IN.

    Its samples, one a millisecond, are there for a minute ahead: a busy machine would keep a thread from taking them.
    """
    import time

    from dance_edge.energy.meter import EnergyMeter
    from dance_edge.energy.reading import PowerSample, PowerSensor

    class Steady(PowerSensor):
        name, scope = "scripted", "VDD_IN"

        def read(self):
            raise AssertionError("every sample is taken already")

    def make(watts):
        meter, now_s = EnergyMeter(Steady(), 0.001), time.monotonic()
        for i in range(-50, 60000):
            meter.trace.append(PowerSample(now_s + 0.001 * i, {"VDD_IN": watts}, "VDD_IN"))
        return meter

    return make


@pytest.fixture
def lay_chip(tmp_path):
    """Lay the files of one INA3221 under tmp_path: `lay_chip("0-0041/iio:device1", [("VDD_IN", 8000), ...])`."""

    def lay(folder, rails_mw):
        path = tmp_path / folder
        path.mkdir(parents=True)
        for index, (name, milliwatts) in enumerate(rails_mw):
            (path / ("rail_name_%d" % index)).write_text(name + "\n")
            (path / ("in_power%d_input" % index)).write_text("%d\n" % milliwatts)
        return path

    return lay


@pytest.fixture
def write_clip():
    """Writes images, BGR uint8 of one size, as a video: MJPEG, nearly lossless, where it ends in .avi."""
    return _write_clip


@pytest.fixture(scope="session")
def small_set(tmp_path_factory):
    """A labelled data set of 14 + 4 drawn streets, 96x160: the folder's path."""
    from dance_edge.data.streets import write_streets
    from dance_edge.size import Size

    folder = str(tmp_path_factory.mktemp("data") / "town")
    write_streets(folder, "day", 14, 4, Size(96, 160), 3)
    return folder


@pytest.fixture(scope="session")
def small_run(small_set, tmp_path_factory):
    """A finished run of BiSeNet on `small_set`, 6 steps and two prunes of the whole network: the folder's path.

    Tests read it and leave it as it is.
    """
    from dance_edge.cli.main import run

    folder = tmp_path_factory.mktemp("runs")
    before = os.getcwd()
    os.chdir(str(folder))
    try:
        assert run(["-q", "adapt", "--model", "bisenet", "--target", small_set, "--steps", "6", "--batch-size", "3",
                    "--stages", "2", "--pruning-ratio", "0.5", "--scope", "all", "--out", "r", "--json", "a.json"]) == 0
    finally:
        os.chdir(before)
    return str(folder / "r")
