import pytest

from dance_edge.metrics.latency import summary


def test_median_tail_and_rate():
    latency = summary([0.010] * 99 + [0.110])
    assert latency.p50_ms == pytest.approx(10.0)
    assert 10.0 < latency.p99_ms <= 110.0
    assert latency.fps == pytest.approx(100 / 1.1)
    assert latency.to_dict() == {"p50": latency.p50_ms, "p99": latency.p99_ms}


def test_nothing_timed_is_null_not_zero():
    assert summary([]) == (None, None, None)
