import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def gray_images(tmp_path):
    """Four PNG of 128x192: flat ones and noise, so that they run at different sizes. Their paths."""
    folder = tmp_path / "images"
    folder.mkdir()
    paths = []
    for i, swing in enumerate((0, 2, 40, 100)):
        noise = np.random.RandomState(i).randint(-swing, swing + 1, (128, 192))
        path = str(folder / ("%d.png" % i))
        cv2.imwrite(path, np.repeat((120 + noise)[:, :, np.newaxis], 3, axis=2).astype(np.uint8))
        paths.append(path)
    return tuple(paths)


@pytest.fixture
def run_folder(tmp_path, switch_manifest, write_switch):
    """A finished run of the gray switch with its source, of eight times the MACs, and a report."""
    folder = tmp_path / "run"
    folder.mkdir()
    adapted = switch_manifest()
    source = switch_manifest(params=64, rungs=tuple(rung._replace(macs=8 * rung.macs) for rung in adapted.rungs))
    write_switch(folder / "model.onnx", adapted)
    write_switch(folder / "source.onnx", source)
    (folder / "run.json").write_text(json.dumps({"format": 1, "state": "finished"}))
    energy = {"gross_j": 1234.5, "measured": False, "source": "tx2_model", "duration_s": 60.0}
    (folder / "report.json").write_text(json.dumps({
        "format": 1, "images_kept": 40, "macs_p": 0.005, "duration_s": 60.0, "energy": energy,
        "energy_j": 1234.5, "energy_source": "estimated (TX2 model)"}))
    return folder


@pytest.fixture
def bench_variant():
    """Makes an entry of `inference` as bench.json has it: so many seconds an image in its turns, at so many watts."""
    def make(name, seconds, watts=5.0, label="measured (jtop, VDD_IN)"):
        turns = [{"images": 4, "seconds_per_image": one, "energy_j_per_image": watts * one, "energy_source": label}
                 for one in seconds]
        joules, measured = watts * sum(seconds) / len(seconds), label.startswith("measured")
        source = {"source": "jtop", "scope": "VDD_IN"} if measured else {"source": "tx2_model", "scope": "TX2 module"}
        energy = dict(source, gross_j=joules, measured=measured, sensor_j=None, calibrated=False, label=label)
        return {"name": name, "backend": "onnxruntime", "energy_j_per_image": joules, "energy_source": label,
                "energy": energy, "turns": turns}

    return make


@pytest.fixture
def bench_of():
    """Makes a bench.json of such entries."""
    def make(*variants):
        return {"format": 1, "machine": "a board, 4 cores", "images_sha256": "ab" * 32, "inference": list(variants)}

    return make
