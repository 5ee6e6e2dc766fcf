"""The energy values that a sceptical reader would recompute by hand."""
import numpy as np
import pytest

from dance_edge.energy.reading import PowerSample
from dance_edge.energy.trace import Columns, Trace
from dance_edge.energy.trapezoid import SensorFacts, integrate_all

TX2_W = {"VDD_IN": 8.0, "VDD_SYS_GPU": 3.0, "VDD_SYS_SOC": 1.0, "VDD_SYS_CPU": 1.5, "VDD_SYS_DDR": 1.2}


def trace_of(samples, total="VDD_IN"):
    """`samples`: (seconds, watts of the total or a dict of rails)."""
    trace = Trace()
    for time_s, watts in samples:
        trace.append(PowerSample(time_s, watts if isinstance(watts, dict) else {"VDD_IN": watts}, total))
    return trace


def joules(trace, start_s, end_s):
    return integrate_all(trace.columns(), [(start_s, end_s)], SensorFacts("jtop", "VDD_IN"))


def stepped(time_s):
    return 10.0 if 2.0 <= time_s < 6.0 else 5.0


def test_rails_are_not_added_up():
    reading = joules(trace_of([(float(t), TX2_W) for t in range(11)]), 0.0, 10.0)
    assert reading.gross_j == pytest.approx(80.0)
    assert reading.rails_j == pytest.approx({name: 10.0 * watts for name, watts in TX2_W.items()})
    assert reading.measured and reading.coverage == 1.0 and reading.reason == ""
    assert reading.label == "measured (jtop, VDD_IN)"


def test_without_a_total_rail_there_is_no_figure():
    rails = {name: watts for name, watts in TX2_W.items() if name != "VDD_IN"}
    reading = joules(trace_of([(float(t), rails) for t in range(11)], total=None), 0.0, 10.0)
    assert reading.gross_j is None
    assert reading.rails_j["VDD_SYS_GPU"] == pytest.approx(30.0)
    assert "no total rail" in reading.reason and "VDD_SYS_GPU" in reading.reason


def test_a_gap_is_flagged_with_a_bound_that_holds_the_truth():
    times = [0, 1, 2, 3, 3.1, 3.2, 3.3, 3.4, 3.5, 6, 7, 8]
    reading = joules(trace_of([(float(t), stepped(t)) for t in times]), 0.0, 8.0)
    assert reading.gross_j == pytest.approx(56.25)
    assert reading.low_j <= 60.0 <= reading.high_j
    assert reading.high_j - reading.gross_j >= 3.75
    assert reading.coverage == pytest.approx(1.0 - 2.5 / 8.0)
    assert "1 gap" in reading.reason and "2.5 of 8 s" in reading.reason


def test_a_step_between_two_samples_is_within_the_bound():
    """At a sample a second, a step of 5 W leaves an error of up to 2.5 J."""
    reading = joules(trace_of([(float(t), 5.0 if t < 5 else 10.0) for t in range(11)]), 0.0, 10.0)
    assert reading.gross_j == pytest.approx(77.5)
    assert reading.high_j - reading.gross_j == pytest.approx(2.5) == reading.gross_j - reading.low_j


def test_the_edges_are_interpolated():
    reading = joules(trace_of([(float(t), float(t)) for t in range(21)]), 2.5, 9.25)
    assert reading.gross_j == pytest.approx((9.25 ** 2 - 2.5 ** 2) / 2.0)
    assert reading.sample_count == 7 and reading.coverage == 1.0


def test_repeated_time_stamps_are_dropped_but_equal_values_kept():
    samples = [(0.1 * t, 5.0) for t in range(101)]
    trace = trace_of([one for sample in samples for one in (sample, sample)])
    assert len(trace) == trace.repeated == 101
    assert joules(trace, 0.0, 10.0).gross_j == pytest.approx(50.0)


def test_a_sensor_that_dies_half_way_gives_no_figure_and_says_what_was_covered():
    reading = joules(trace_of([(float(t), 5.0) for t in range(6)]), 0.0, 10.0)
    assert reading.gross_j is None and reading.low_j is None and reading.high_j is None
    assert reading.coverage == pytest.approx(0.5)
    assert "5 of 10 s" in reading.reason and "25 J" in reading.reason


def test_a_sensor_that_dies_at_the_very_end_widens_the_bound():
    samples = [(float(t), 5.0 + t % 2) for t in range(98)]
    reading = joules(trace_of(samples), 0.0, 100.0)
    assert reading.gross_j == pytest.approx(5.5 * 97 + 6.0 * 3)
    assert reading.coverage == pytest.approx(0.97) and "1 gap" in reading.reason
    assert reading.low_j <= 5.5 * 97 + 5.0 * 3


@pytest.mark.parametrize("samples, reason", [
    ([], "no sample"), ([(0.0, 5.0)], "single"), ([(0.0, 5.0), (1.0, 5.0), (2.0, 5.0)], "run for at least 6 s"),
])
def test_too_few_samples_are_no_figure(samples, reason):
    reading = joules(trace_of(samples), 0.0, 2.0)
    assert reading.gross_j is None and reason in reading.reason


def test_nonsense_is_dropped_and_counted():
    samples = [(float(t), 5.0) for t in range(11)]
    samples[3:5] = [(3.0, float("nan")), (4.0, 1e6)]
    trace = trace_of(samples)
    assert trace.nonsense == 2 and len(trace) == 9
    assert joules(trace, 0.0, 10.0).gross_j == pytest.approx(50.0)


def test_a_rail_that_is_missing_once_does_not_spoil_the_total():
    samples = [(float(t), TX2_W) for t in range(11)]
    samples[4] = (4.0, {"VDD_IN": 8.0})
    reading = joules(trace_of(samples), 0.0, 10.0)
    assert reading.gross_j == pytest.approx(80.0) and list(reading.rails_j) == ["VDD_IN"]


def test_the_csv_says_what_it_holds(tmp_path):
    path = tmp_path / "energy.csv"
    trace_of([(1.5, {"VDD_IN": 8.0, "VDD_SYS_GPU": 3.0})]).write_csv(str(path), "jtop")
    assert path.read_text().splitlines() == [
        "# format: 2, source: jtop, total: VDD_IN", "monotonic_s,VDD_IN_w,VDD_SYS_GPU_w", "1.500000,8.0000,3.0000"]
    assert np.loadtxt(str(path), delimiter=",", skiprows=2).tolist() == [1.5, 8.0, 3.0]
    trace_of([(0.5, 8.0)]).write_csv(str(path), "jtop", delay_s=0.42, volts=19.0)  # after a reboot
    assert path.read_text().splitlines()[3] == "# format: 2, source: jtop, total: VDD_IN, delay_s: 0.42, volts: 19"
    assert len(path.read_text().splitlines()) == 6


def test_what_is_kept_is_not_integrated_again_and_comes_to_the_same():
    trace = trace_of([(float(t), stepped(t % 8)) for t in range(101)])
    windows = [(3.0, 20.5), (30.0, 40.0), (50.0, 70.0)]
    facts, kept = SensorFacts("jtop", "VDD_IN"), {}
    whole = integrate_all(trace.columns(), windows, facts, kept, settled_s=60.0)
    assert sorted(kept) == windows[:2]
    again = integrate_all(trace.columns(45.0, 101.0, around=5), windows, facts, kept, settled_s=60.0)
    assert again == whole and again.gross_j == pytest.approx(sum(joules(trace, *one).gross_j for one in windows))


def test_a_long_trace_is_integrated_by_the_part_that_a_window_needs():
    """Of a day at ten a second with six rails, and of a minute of it."""
    import time

    times_s = np.arange(864000) * 0.1
    rails = {"VDD_IN" if i == 0 else "R%d" % i: np.repeat(np.random.RandomState(i).rand(216000) + 5.0, 4)
             for i in range(6)}
    columns, facts = Columns(times_s, rails, "VDD_IN"), SensorFacts("ina3221", "VDD_IN", delay_s=0.42, step_w=0.15)
    took_s, readings = [], []
    for window in ((10.0, 86390.0), (43200.0, 43260.0)):
        before_s = time.process_time()
        readings.append(integrate_all(columns, [window], facts))
        took_s.append(time.process_time() - before_s)
    assert took_s[1] < 0.2 * took_s[0]
    assert readings[1].gross_j == pytest.approx(5.5 * 60.0, rel=0.02) and readings[1].refresh_s == pytest.approx(0.4)
    assert readings[1].rails_j["R1"] == pytest.approx(5.5 * 60.0, rel=0.02) and readings[1].coverage == 1.0


def test_a_reading_can_be_written_as_json():
    import json

    reading = joules(trace_of([(float(t), TX2_W) for t in range(11)]), 0.0, 10.0)
    assert json.loads(json.dumps(reading.to_dict()))["sample_count"] == 11
