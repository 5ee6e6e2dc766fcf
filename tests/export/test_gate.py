"""What is deployed differs by at most half a point of mIoU; known figures of two hand-made graphs."""
import numpy as np
import pytest

from dance_edge.data.dataset import Sample
from dance_edge.export.gate import Agreement, Side, agreement, compare
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
from dance_edge.size import Size

SIZE = Size(2, 4)


def labels(*rows):
    return np.array(rows, dtype=np.int32)


def test_agreement_and_both_scores_of_a_made_image():
    before, after = labels([0, 0, 1, 1], [0, 0, 1, 1]), labels([0, 0, 1, 1], [0, 1, 1, 1])
    truth = labels([0, 0, 1, 1], [0, 0, 1, 255]).astype(np.uint8)
    found = agreement(SIZE, [before], [after], [truth], 2)
    assert found.label_agreement == pytest.approx(7 / 8.0)
    assert found.miou_before == 1.0 and found.miou_after == pytest.approx((3 / 4.0 + 3 / 4.0) / 2)
    assert found.miou_change == pytest.approx(-0.25) and found.why_not() == (
        "4x2: mIoU changes by -25.00 points (0.5 are allowed)")


def test_the_score_is_of_the_labels_own_size():
    truth = np.repeat(np.repeat(labels([0, 1]), 4, axis=0), 4, axis=1).astype(np.uint8)
    found = agreement(Size(1, 2), [labels([0, 1])], [labels([0, 1])], [truth], 2)
    assert (found.miou_before, found.miou_after, found.label_agreement) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize("before, after, equal, right", [
    (0.700, 0.6951, 0.9, True), (0.700, 0.6949, 1.0, False), (0.700, 0.7051, 1.0, False),
    (None, None, 0.99, True), (None, None, 0.9899, False)])
def test_half_a_point_is_the_bound_and_without_labels_a_hundredth_of_the_pixels(before, after, equal, right):
    assert (Agreement(SIZE, equal, before, after).why_not() == "") == right


def test_without_labels_there_is_no_score():
    found = agreement(SIZE, [labels([0, 0, 0, 0])], [labels([0, 0, 0, 0])], [None], 2)
    assert found.miou_change is None and found.to_dict()["miou_after"] is None


def test_two_files_are_compared_at_every_rung(tmp_path, switch_manifest, write_switch):
    manifest = switch_manifest()
    sides = [Side(open_onnxruntime(write_switch(tmp_path / name, manifest, level=level)), manifest)
             for name, level in (("a.onnx", 95.5), ("b.onnx", 127.5))]
    ramp = np.repeat(np.tile(np.arange(192, dtype=np.uint8), (128, 1))[:, :, None], 3, axis=2)
    truth = np.tile((np.arange(192) > 95).astype(np.uint8), (128, 1))
    found = compare(sides[0], sides[1], [Sample(ramp, truth, "ramp")])
    assert [one.size for one in found] == [rung.size for rung in manifest.rungs]
    assert found[-1].label_agreement == pytest.approx(160 / 192.0) and found[-1].miou_before == 1.0
    assert found[-1].miou_after == pytest.approx((96 / 128.0 + 64 / 96.0) / 2)
    assert all(one.label_agreement == 1.0 for one in compare(sides[0], sides[0], [Sample(ramp, truth, "ramp")]))
