import json

import cv2
import numpy as np
import pytest

from dance_edge.bench.scores import Score, reader_of, score, score_all
from dance_edge.bench.variant import Variant
from dance_edge.cli.backend import manifest_of, open_engines
from dance_edge.data.dataset import Record, Sample
from dance_edge.data.labels import VOID, ClassSet
from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.events import Warned, ignore
from dance_edge.run import open_run
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.training.evaluate import as_deployed, evaluate
from dance_edge.training.target import open_target, stored_target


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
    assert found.images == 1 and found.absent == ()
    assert found.miou == pytest.approx((48.0 / 96.0 + 96.0 / 144.0) / 2.0, abs=0.01)


def test_without_labels_there_is_no_score(variant, halves):
    def never(classes):
        raise AssertionError("there is nothing to read")

    assert score_all([variant], halves[1:], never, ignore) == [Score(None, 0)]


def test_a_label_that_cannot_be_read_costs_the_score_alone(variant, halves):
    def broken(classes):
        raise CheckpointError("gone", "")

    assert score_all([variant], halves, broken, ignore) == [Score(None, 0)]


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
    assert stored == given and stored[:2] == (pytest.approx(wanted), len(target.val)) and wanted > 0.0


def test_classes_that_nothing_is_of_are_left_out_and_named(variant, halves):
    names = variant.manifest.classes.names + ("tram", "bus")
    more = variant._replace(manifest=variant.manifest._replace(classes=ClassSet(names, ((0, 0, 0),) * 4)))
    heard = []
    scores = score_all([more, more._replace(name="other"), variant._replace(name="two")], halves, lambda classes: read,
                       heard.append)
    assert [one.absent for one in scores] == [("tram", "bus"), ("tram", "bus"), ()]
    assert scores[0].miou == scores[2].miou  # the mean is over the two that occur
    assert [one.text for one in heard if isinstance(one, Warned)] == [
        "mIoU of adapted, other leaves out tram, bus: no label and no answer has one pixel of them",
        "the models' classes differ: their mIoU do not compare"]


@pytest.fixture
def labelled(tmp_path):
    """A folder of three classes, three labelled images each half `lane` and half `kerb`, a third `sky`; what a run of
    the classes `way` and `air` stored of it, whose label map makes `lane` and `kerb` the `way`."""
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    classes = {"classes": ["lane", "sky", "kerb"], "palette": [[0, 0, 1], [0, 0, 2], [0, 0, 3]], "void": [255]}
    (folder / "classes.json").write_text(json.dumps(classes))
    label = np.repeat(np.array([[0, 1, 2, 255]], np.uint8), 4, axis=0)
    for i in range(3):
        cv2.imwrite(str(folder / "images" / ("%d.png" % i)), np.zeros((4, 4, 3), np.uint8))
        cv2.imwrite(str(folder / "labels" / ("%d.png" % i)), label)
    mapping = tmp_path / "map.json"
    mapping.write_text(json.dumps({"lane": "way", "kerb": "way", "sky": "air"}))
    own = ClassSet(("way", "air"), ((1, 1, 1), (2, 2, 2)))
    target = open_target(str(folder), "", str(mapping), own, ignore)
    mapping.unlink()  # what the run stored counts
    manifest = {"classes": {"names": list(own.names), "palette": [list(one) for one in own.palette]}}
    return target, {"target": target.to_dict(), "manifest": manifest}


@pytest.mark.parametrize("names, row", [
    (("way", "air"), [0, 1, 0, VOID]),  # the run's own
    (("air", "way"), [1, 0, 1, VOID]),  # in another order
    (("kerb", "lane", "sky"), [1, 2, 0, VOID]),  # the data set's own names, in another order
])
def test_a_runs_labels_are_read_as_each_models_classes_have_them(labelled, names, row):
    target, state = labelled
    reader = reader_of(None, "", state, ignore)(ClassSet(names, ((0, 0, 0),) * len(names)))
    assert reader(target.val[0]).label.tolist() == [row] * 4


def test_a_model_whose_classes_no_name_joins_has_no_score(labelled, variant):
    target, state = labelled
    heard = []
    assert score_all([variant], target.val, reader_of(None, "", state, ignore), heard.append) == [Score(None, 0)]
    assert "adapted has no mIoU: the data set has 3 classes (lane, sky, kerb), the model 2" in heard[-1].text
