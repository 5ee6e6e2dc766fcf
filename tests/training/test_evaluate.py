"""Scores of a network whose answer is known, as deployed and at fixed sizes."""
import numpy as np
import pytest

from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Record, Sample
from dance_edge.errors import ConfigError
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.size import Size
from dance_edge.training.evaluate import as_deployed, evaluate, p_of, size_for

RECORDS = [Record("a/1.png", "", "", "a"), Record("b/2.png", "", "", "b")]


def sample(record):
    """The right half is bright and of class 1; in b a column of dark pixels is called bright."""
    image = np.full((128, 192, 3), 40, np.uint8)
    image[:, 96:] = 220
    label = np.zeros((128, 192), np.uint8)
    label[:, 96:] = 1
    if record.group == "b":
        label[:, 64:96] = 1
    return Sample(image, label, record.key)


@pytest.fixture
def predict(tmp_path, switch_manifest, write_switch):
    return as_deployed(open_onnxruntime(write_switch(tmp_path / "m.onnx", switch_manifest())))


def test_miou_by_hand_at_full_size_and_by_group(predict, switch_manifest):
    found = evaluate(RECORDS, sample, predict, switch_manifest(), 1.0)
    # over both images: class 0: 96 + 64 right of 192; class 1: 192 right of 224 (columns)
    assert found.per_class["dark"] == pytest.approx(160 / 192) and found.per_class["bright"] == pytest.approx(192 / 224)
    assert found.miou == pytest.approx((160 / 192 + 192 / 224) / 2) and found.pixels_ratio == 1.0
    assert [(one["kind"], one["name"], one["images"]) for one in found.groups] == [
        ("sequence", "a", 1), ("sequence", "b", 1)]
    assert found.groups[0]["miou"] == 1.0 and found.groups[1]["miou"] == pytest.approx((64 / 96 + 96 / 128) / 2)
    assert found.to_dict()["resolution"] == 1.0


def test_as_deployed_each_image_has_its_own_size(predict, switch_manifest):
    manifest = switch_manifest()
    found = evaluate(RECORDS, sample, predict, manifest)
    size = size_for(manifest, Size(128, 192), p_of(manifest, sample(RECORDS[0]).image), None)
    assert size in [rung.size for rung in manifest.rungs]
    assert found.pixels_ratio == pytest.approx(size.pixels / (128 * 192))
    assert found.to_dict()["resolution"] == "adaptive"
    assert found.miou == pytest.approx((160 / 192 + 192 / 224) / 2, abs=0.02)


def test_a_smaller_fixed_size_takes_fewer_pixels(predict, switch_manifest):
    found = evaluate(RECORDS, sample, predict, switch_manifest(), 0.5)
    assert found.pixels_ratio == 0.25 and found.ratio == 0.5


def test_a_class_that_nobody_has_is_none_and_left_out(predict, switch_manifest):
    from dance_edge.data.labels import ClassSet

    manifest = switch_manifest(classes=ClassSet(("dark", "bright", "ghost"), ((0, 0, 0),) * 3))
    found = evaluate(RECORDS[:1], sample, predict, manifest, 1.0)
    assert found.per_class["ghost"] is None and found.miou == 1.0


def test_without_a_profile_there_is_no_p(predict, switch_manifest):
    manifest = switch_manifest(profile=None)
    assert p_of(manifest, np.zeros((128, 192, 3), np.uint8)) is None
    with pytest.raises(ConfigError) as caught:
        size_for(manifest, Size(128, 192), None, None)
    assert "--ratio" in caught.value.hint
    assert size_for(manifest, Size(128, 192), None, 1.0) == Size(128, 192)
    groups = evaluate([one for one in RECORDS for _ in range(2)], sample, predict, manifest, 1.0).groups
    assert sorted(set(one["kind"] for one in groups)) == ["brightness", "sequence"]


def test_night_stands_beside_day(predict, switch_manifest):
    """Twelve images of one sequence, ever brighter and ever more complex; the three darkest are recognised worst."""
    def read(record):
        i = int(record.key)
        image = np.full((128, 192, 3), 13 * i, np.uint8)
        image[np.arange(128) % 4 < 2] += np.uint8(i)
        label = np.full((128, 192), int(13 * i > 100), np.uint8)
        label[:, :48] = 1 - label[:, :48] if i < 3 else label[:, :48]
        return Sample(image, label, record.key)

    manifest = switch_manifest(profile=ComplexityProfile(0.0, 0.3, Size(128, 192), 12, 0.05, "made", "sobel"))
    records = [Record(str(i), "", "", "drive") for i in (5, 1, 9, 0, 3, 11, 7, 2, 10, 4, 8, 6)]
    groups = {(one["kind"], one["name"]): one for one in evaluate(records, read, predict, manifest, 1.0).groups}
    assert [key[0] for key in groups] == ["sequence"] + ["brightness"] * 4 + ["p"] * 3
    assert groups[("sequence", "drive")]["images"] == 12 and groups[("p", "low p")]["images"] == 4
    # in the darkest three a quarter of the pixels is called 0 and is 1: IoU 3/4 and 0
    assert groups[("brightness", "darkest quarter")] == {
        "kind": "brightness", "name": "darkest quarter", "images": 3, "miou": pytest.approx(0.375)}
    assert groups[("brightness", "brightest quarter")]["miou"] == 1.0
    assert groups[("p", "low p")]["miou"] == pytest.approx((3.25 / 4.0 + 0.0) / 2.0)
