import pytest

from dance_edge.bench.variant import refuse_ratio
from dance_edge.errors import ConfigError
from dance_edge.size import Size


def test_a_graph_of_one_size_takes_no_ratio(switch_manifest):
    fixed = switch_manifest(only_size=Size(64, 96))
    with pytest.raises(ConfigError) as caught:
        refuse_ratio("m.onnx", fixed, 0.5)
    assert caught.value.message == "m.onnx takes 96x64 only: @0.5 would choose among sizes"
    assert "leave @0.5 out" in caught.value.hint
    refuse_ratio("m.onnx", fixed, None)
    refuse_ratio("m.onnx", switch_manifest(), 0.5)
