import pytest

from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import PowerSample
from dance_edge.energy.replay import ReplaySensor, read_csv
from dance_edge.energy.trace import Trace
from dance_edge.errors import DataError, DeviceError

HEAD = "# format: 1, source: jtop, total: VDD_IN\n"
COLUMNS = "monotonic_s,VDD_IN_w,VDD_SYS_GPU_w\n"


class Clock:
    now_s = 5000.0

    def __call__(self):
        return self.now_s


def written(path, samples, source="jtop", total="VDD_IN", averages=False):
    trace = Trace()
    for time_s, watts in samples:
        trace.append(PowerSample(time_s, {"VDD_IN": watts, "VDD_SYS_GPU": watts / 4.0}, total))
    trace.write_csv(str(path), source, averages)
    return str(path)


def test_a_trace_is_played_in_its_own_time(tmp_path):
    clock = Clock()
    sensor = ReplaySensor(written(tmp_path / "t.csv", [(100.0, 4.0), (101.0, 8.0), (103.0, 6.0)]), clock)
    assert (sensor.name, sensor.scope) == ("replay", "VDD_IN, recorded by jtop")
    seen = []
    for now_s in (5000.0, 5000.9, 5001.0, 5002.9, 5003.2):
        clock.now_s = now_s
        seen.append(sensor.read())
    assert [one.monotonic_s for one in seen] == [5000.0, 5000.0, 5001.0, 5001.0, 5003.0]
    assert [one.rails_w["VDD_IN"] for one in seen] == [4.0, 4.0, 8.0, 8.0, 6.0]
    assert seen[-1] == PowerSample(5003.0, {"VDD_IN": 6.0, "VDD_SYS_GPU": 1.5}, "VDD_IN")
    with pytest.raises(DeviceError, match="the trace is over"):
        sensor.read()


def test_its_joules_are_those_of_the_trace(tmp_path):
    path = written(tmp_path / "t.csv", [(0.02 * i, 4.0 + i % 2) for i in range(200)])
    sensor = ReplaySensor(path)
    assert sensor.interval_s == pytest.approx(0.01)
    with EnergyMeter(sensor) as meter, meter.window("job") as window:
        meter._samplers[0].wait_beyond(window.start_s + 0.5, 20.0)
    reading = window.reading()
    assert reading.gross_j == pytest.approx(4.5 * reading.duration_s, rel=0.03)
    assert reading.label == "measured (replay, VDD_IN, recorded by jtop)"


def test_what_is_written_of_a_played_trace_has_the_sensor_that_was_recorded(tmp_path):
    path = written(tmp_path / "t.csv", [(0.02 * i, 4.0) for i in range(50)], "ina3221")
    sensor = ReplaySensor(path)
    assert (sensor.name, sensor.recorded) == ("replay", "ina3221")
    meter = EnergyMeter(sensor)
    meter.trace.append(sensor.read())
    for source in ("", "replay"):
        meter.write_csv(str(tmp_path / "o.csv"), source)
        again = read_csv(str(tmp_path / "o.csv"))
        assert (again.source, again.columns.total, again.delay_s) == ("ina3221", "VDD_IN", 0.42)


def test_of_several_parts_the_last_is_played(tmp_path):
    path = written(tmp_path / "t.csv", [(100.0, 4.0), (101.0, 4.0)])
    written(tmp_path / "t.csv", [(3.0, 9.0), (4.0, 9.0), (5.0, 9.0)], "ina3221")
    recorded = read_csv(path)
    assert recorded.columns.times_s.tolist() == [3.0, 4.0, 5.0] and recorded.source == "ina3221"


def test_a_counter_s_means_stay_means_and_a_missing_total_stays_missing(tmp_path):
    assert ReplaySensor(written(tmp_path / "a.csv", [(1.0, 4.0), (2.0, 4.0)], "nvml", averages=True)).averages
    sensor = ReplaySensor(written(tmp_path / "b.csv", [(1.0, 4.0), (2.0, 4.0)], "ina3221", None))
    assert sensor.read().total is None and sensor.scope == "ina3221" and not sensor.averages


@pytest.mark.parametrize("text, said", [
    ("", "no trace of power"),
    ("a,b\n1,2\n", "no trace of power"),
    ("# format: 3, source: jtop, total: VDD_IN\n" + COLUMNS + "1,2,3\n", "of format 2 or before"),
    (HEAD, "no header in line 2"),
    (HEAD + "time,watts\n1,2\n", "no header in line 2"),
    (HEAD + "monotonic_s,VDD_MUX_w\n1,2\n", "no column of its total, VDD_IN"),
    (HEAD + COLUMNS, "no samples"),
    (HEAD + COLUMNS + "1.0,8.0,3.0\n2.0,8.0\n", "damaged in line 4"),
    (HEAD + COLUMNS + "1.0,8.0,3.0\n2.0,8.0,3.0,1.0\n", "damaged in line 4"),
    (HEAD + COLUMNS + "1.0,eight,3.0\n", "damaged in line 3"),
    (HEAD + COLUMNS + "2.0,8.0,3.0\n1.0,8.0,3.0\n", "damaged in line 4"),
    (HEAD + COLUMNS + "nan,8.0,3.0\n", "damaged in line 3"),
    ("\xff\x00\x89PNG", "cannot read|no trace"),
])
def test_what_is_no_whole_trace_is_one_clear_error(tmp_path, text, said):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=said) as caught:
        ReplaySensor(str(path))
    assert caught.value.hint and caught.value.exit_code == 3


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot read"):
        ReplaySensor(str(tmp_path / "no.csv"))
    with pytest.raises(DataError, match="cannot read"):
        ReplaySensor(str(tmp_path))


def test_what_was_recorded_of_a_chip_has_the_chip_s_step_and_bound(tmp_path):
    trace, path = Trace(), str(tmp_path / "t.csv")
    for i in range(3):
        trace.append(PowerSample(float(i), {"VDD_IN": 8.0}, "VDD_IN"))
    trace.write_csv(path, "jtop", delay_s=0.42, volts=19.0)
    sensor = ReplaySensor(path)
    assert (sensor.delay_s, sensor.volts) == (0.42, 19.0) and sensor.step_w == pytest.approx(0.152)
    assert sensor.error_w(8.0) == pytest.approx(19.0 * 100e-6 / 0.005 + 0.02)
    for source, delay_s in (("ina3221", 0.42), ("nvml", 1.0), ("made", 0.0)):  # of before: no delay, no volts
        old = tmp_path / ("%s.csv" % source)
        old.write_text("# format: 1, source: %s, total: VDD_IN\nmonotonic_s,VDD_IN_w\n1.0,8.0\n2.0,8.0\n" % source)
        sensor = ReplaySensor(str(old))
        assert (sensor.delay_s, sensor.volts, sensor.step_w, sensor.error_w(8.0)) == (delay_s, None, 0.0, None)


def test_an_outage_of_a_counter_is_one_when_it_is_played(tmp_path):
    trace, path = Trace(), str(tmp_path / "t.csv")
    for at_s, since_s in ((1.0, 0.5), (2.0, 1.0), (9.0, 8.5), (10.0, 9.0)):
        trace.append(PowerSample(at_s, {"GPU 0": 60.0}, "GPU 0", since_s))
    trace.write_csv(path, "nvml", averages=True, delay_s=0.02)
    assert read_csv(path).columns.since_s.tolist() == [0.5, 1.0, 8.5, 9.0]
    clock = Clock()
    sensor = ReplaySensor(path, clock)
    assert sensor.averages and sensor.delay_s == 0.02 and list(sensor.read().rails_w) == ["GPU 0"]
    clock.now_s += 8.0
    assert sensor.read() == PowerSample(5008.0, {"GPU 0": 60.0}, "GPU 0", 5007.5)
