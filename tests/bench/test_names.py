import pytest

from dance_edge.bench.names import parted, unique_names
from dance_edge.errors import ConfigError


def test_names_are_as_short_as_tells_them_apart():
    assert unique_names(["runs/a/model.onnx", "runs/b/model.onnx", "c.onnx"]) == ["a/model.onnx", "b/model.onnx",
                                                                                  "c.onnx"]
    assert unique_names(["runs/x/", "/y/x"]) == ["runs/x", "y/x"]
    assert unique_names(["a/r", "a/r@0.5", "a/r@1"]) == ["r", "r@0.5", "r@1"]


def test_the_same_twice_is_refused():
    with pytest.raises(ConfigError, match="given twice: a/b"):
        unique_names(["a/b", "a/b/"])


def test_a_ratio_behind_the_path(tmp_path):
    assert parted("runs/a@0.75") == ("runs/a", 0.75) and parted("runs/a") == ("runs/a", None)
    assert parted("me@home/a") == ("me@home/a", None)
    (tmp_path / "x@1").mkdir()
    assert parted(str(tmp_path / "x@1")) == (str(tmp_path / "x@1"), None)
    with pytest.raises(ConfigError, match="0.1 to 1"):
        parted("a@2")
