import pytest

from dance_edge.bench.turn import take_turn
from dance_edge.bench.variant import Variant
from dance_edge.runtime.onnxruntime_engine import open_onnxruntime


@pytest.fixture
def variant(tmp_path, switch_manifest, write_switch):
    manifest = switch_manifest()
    return Variant("adapted", open_onnxruntime(write_switch(tmp_path / "m.onnx", manifest)), manifest, None)


def test_whole_passes_with_their_joules(variant, gray_images, steady_meter):
    turn = take_turn(variant, gray_images, 5, steady_meter(5.0))
    assert len(turn.seconds) % 4 == 0 and len(turn.seconds) >= 8 and len(turn.sizes) == len(turn.seconds)
    assert turn.energy.gross_j == pytest.approx(5.0 * (turn.end_s - turn.start_s), rel=1e-6)


def test_work_that_the_sensor_does_not_see_has_no_joules_and_no_minimum(variant, gray_images, steady_meter):
    meter = steady_meter(5.0)
    meter.sensor.delay_s = 1000.0  # a figure would take hours
    turn = take_turn(variant._replace(blind="nvml sees the GPU alone"), gray_images, 1, meter)
    assert len(turn.seconds) == 4 and turn.joules_per_image is None
    assert turn.energy.label == "none (nvml sees the GPU alone)"
    assert turn.energy.duration_s == pytest.approx(turn.end_s - turn.start_s) and turn.seconds_per_image > 0
