"""Fig. 4 of a run: sums by kind on top, and bars in the kinds' colours."""
import cv2
import numpy as np

from dance_edge.pruning.layers import MULTI_SCALE, OTHER, LayerRow, rows_to_dicts
from dance_edge.report.pruned import Pruned, draw_pruned, pruned_of

LAYERS = [LayerRow("aspp.one", MULTI_SCALE, 64, 16), LayerRow("aspp.two", MULTI_SCALE, 64, 64),
          LayerRow("output", OTHER, 40, 10)]


def test_what_a_run_says_of_its_layers_comes_back_with_its_sums():
    pruned = pruned_of({"layers": rows_to_dicts(LAYERS)})
    assert pruned.layers == LAYERS
    assert pruned.kinds == [LayerRow(MULTI_SCALE, MULTI_SCALE, 128, 80), LayerRow(OTHER, OTHER, 40, 10)]
    assert pruned_of({}) == Pruned([], [])


def test_a_bar_is_as_long_as_what_was_kept(tmp_path):
    path = str(tmp_path / "pruned.png")
    draw_pruned(path, pruned_of({"layers": rows_to_dicts(LAYERS)}))
    image = cv2.imread(path).astype(int)

    def pixels(red, green, blue):
        return int((np.abs(image - (blue, green, red)).sum(axis=2) < 20).sum())

    # rows: both kinds, then three layers: 62.5 and 25, then 25, 100 and 25 % kept
    orange, blue = pixels(0xD9, 0x5F, 0x0E), pixels(0x1F, 0x5F, 0xA8)
    assert abs(orange / float(blue) - (62.5 + 25 + 100) / (25 + 25)) < 0.35
