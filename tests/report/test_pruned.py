"""Fig. 4 of a run: sums by kind, and bars in the kinds' colours."""
import cv2
import numpy as np

from dance_edge.report.pruned import AGGREGATION, OTHER, Layer, by_kind, draw_pruned, layers_of

LAYERS = [Layer("aspp.one", AGGREGATION, 64, 16), Layer("aspp.two", AGGREGATION, 64, 64),
          Layer("output", OTHER, 40, 10)]


def test_kinds_are_sums_of_channels_and_not_means_of_shares():
    kinds = by_kind(LAYERS)
    assert [(one.kind, one.original, one.kept) for one in kinds] == [(AGGREGATION, 128, 80), (OTHER, 40, 10)]
    assert [one.gone for one in kinds] == [0.375, 0.75]
    assert [one.kind for one in by_kind(LAYERS[2:])] == [OTHER] and by_kind([]) == []
    assert Layer("none", OTHER, 0, 0).gone == 0.0


def test_layers_come_from_the_facts_of_a_run():
    facts = {"layers": [{"layer": "output", "kind": OTHER, "original": 40, "kept": 10}]}
    assert layers_of(facts) == LAYERS[2:] and layers_of({}) == []


def test_a_bar_is_as_long_as_what_was_kept(tmp_path):
    path = str(tmp_path / "pruned.png")
    draw_pruned(path, LAYERS)
    image = cv2.imread(path).astype(int)

    def pixels(red, green, blue):
        return int((np.abs(image - (blue, green, red)).sum(axis=2) < 20).sum())

    # rows: both kinds, then three layers: 62.5, 25 and 25, 100, 25 % kept
    orange, blue = pixels(0xD9, 0x5F, 0x0E), pixels(0x1F, 0x5F, 0xA8)
    assert abs(orange / float(blue) - (62.5 + 25 + 100) / (25 + 25)) < 0.35
