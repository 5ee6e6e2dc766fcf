"""Engines by rung: opened once, when first needed."""
import numpy as np

from dance_edge.runtime.engine import Engine, Engines
from dance_edge.size import Size


class Zeros(Engine):
    def labels(self, inputs):
        return np.zeros((inputs.shape[0],) + inputs.shape[2:], dtype=np.int32)


def test_each_rung_is_opened_once_and_not_before_it_is_needed():
    opened = []

    def open_at(size):
        opened.append(size)
        return Zeros()

    engines = Engines(open_at, "made")
    assert opened == [] and engines.name == "made"
    small, large = engines.at(Size(32, 64)), engines.at(Size(64, 128))
    assert engines.at(Size(32, 64)) is small and engines.at(Size(64, 128)) is large and small is not large
    assert opened == [Size(32, 64), Size(64, 128)]
