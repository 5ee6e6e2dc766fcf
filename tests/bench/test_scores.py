import cv2
import numpy as np
import pytest

from dance_edge.bench.scores import Score, reader_of, score, score_all
from dance_edge.bench.variant import Variant
from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.data.dataset import Record, Sample
from dance_edge.errors import ConfigError
from dance_edge.events import ignore
from dance_edge.run import open_run
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.training.evaluate import as_deployed, evaluate
from dance_edge.training.target import stored_target


@pytest.fixture
def variant(tmp_path, switch_manifest, write_switch):
    manifest = switch_manifest()
    return Variant("adapted", open_onnxruntime(write_switch(tmp_path / "m.onnx", manifest)), manifest, None)


@pytest.fixture
def halves(tmp_path):
    """Two images, dark to the left and bright to the right; only the first has a label."""
    image = np.zeros((128, 192, 3), np.uint8)
    image[:, 96:] = 200
    records = []
    for i in range(2):
        path = str(tmp_path / ("%d.png" % i))
        cv2.imwrite(path, image)
        records.append(Record("%d.png" % i, path, "label" if i == 0 else None, ""))
    return records


def read(record):
    """Of the 192 columns 48 are dark, 144 bright: the network takes 48 of these for dark ones."""
    label = np.ones((128, 192), np.uint8)
    label[:, :48] = 0
    return Sample(cv2.imread(record.image), label, record.key)


def test_miou_over_those_that_have_labels(variant, halves):
    found = score(variant, halves, read, ignore)
    assert found.images == 1 and found.miou == pytest.approx((48.0 / 96.0 + 96.0 / 144.0) / 2.0, abs=0.01)


def test_without_labels_there_is_no_score(variant, halves):
    def never(classes):
        raise AssertionError("there is nothing to read")

    assert score_all([variant], halves[1:], never, ignore) == [Score(None, 0)]


def test_labels_of_other_classes_are_said(variant, halves):
    def other(classes):
        raise ConfigError("no class in common", "give a map")

    heard = []
    assert score_all([variant], halves, other, heard.append) == [Score(None, 0)]
    assert heard[-1].text == "adapted has no mIoU: no class in common"


def test_it_is_the_score_of_eval(small_run, small_set):
    run = open_run(small_run)
    manifest = manifest_of(run)
    with open_engines(run, "onnxruntime", None, ignore) as engines:
        target = stored_target(run.state()["target"], manifest.classes)
        wanted = evaluate(target.val, target.read, as_deployed(engines), manifest).miou
        adapted = Variant("adapted", engines, manifest, manifest.profile)
        (stored,) = score_all([adapted], target.val, reader_of(None, "", run.state(), ignore), ignore)
        (given,) = score_all([adapted], target.val, reader_of(small_set, "", {}, ignore), ignore)
    assert stored == given == Score(pytest.approx(wanted), len(target.val)) and wanted > 0.0
