import json

import pytest

from dance_edge.energy import calibration
from dance_edge.energy.calibration import calibrated, fit, load, save
from dance_edge.energy.reading import EnergyReading
from dance_edge.errors import ConfigError, DataError

PAIRS = [(2.0, 2.5), (5.0, 5.8), (10.0, 11.3)]  # meter = 1.1 * sensor + 0.3
READING = EnergyReading(gross_j=500.0, net_j=200.0, low_j=490.0, high_j=510.0, duration_s=100.0, measured=True,
                        source="jtop", scope="VDD_IN", sensor_j=40.0, rails_j={"VDD_IN": 500.0})


def made(pairs=None, board="board 1"):
    return fit(PAIRS if pairs is None else pairs, board, "jtop", "VDD_IN")


def test_slope_and_offset_of_exact_pairs():
    found = made()
    assert (found.slope, found.offset_w, found.residual_w) == pytest.approx((1.1, 0.3, 0.0), abs=1e-9)
    assert (found.loads, found.board, found.source, found.scope) == (3, "board 1", "jtop", "VDD_IN")


def test_the_residual_is_the_largest_miss():
    found = made([(1.0, 1.0), (2.0, 2.3), (3.0, 3.0)])
    assert (found.slope, found.offset_w, found.residual_w) == pytest.approx((1.0, 0.1, 0.2))


@pytest.mark.parametrize("pairs, said", [
    ([], "3 loads or more, got 0"),
    (PAIRS[:2], "3 loads or more, got 2"),
    ([(5.0, 5.5), (5.0, 5.6), (5.0, 5.4)], "too much alike"),
    ([(5.0, 5.5), (5.5, 6.0), (9.9, 10.4)], "too much alike"),
    ([(2.0, 11.3), (5.0, 5.8), (10.0, 2.5)], "the meter falls where the sensor rises"),
    ([(0.0, 2.5), (5.0, 5.8), (10.0, 11.3)], "above 0"),
    ([(2.0, 2.5), (5.0, -5.8), (10.0, 11.3)], "above 0"),
    ([(2.0, 2.5), (5.0, float("nan")), (10.0, 11.3)], "above 0"),
])
def test_what_cannot_be_a_calibration(pairs, said):
    with pytest.raises(ConfigError, match=said) as caught:
        made(pairs)
    assert caught.value.hint


def test_joules_as_the_meter_would_have_them():
    reading = calibrated(READING, made([(1.0, 1.4), (2.0, 2.5 + 1e-3), (10.0, 11.3)]))
    assert reading.gross_j == pytest.approx(1.1 * 500.0 + 0.3 * 100.0, rel=1e-3)
    assert reading.high_j - reading.low_j == pytest.approx(1.1 * 20.0, rel=1e-3)
    assert reading.net_j == pytest.approx(1.1 * 200.0, rel=1e-3)  # less the idle baseline, the offset is gone
    assert 0.0 < reading.sensor_j < 0.1 and reading.calibrated and "calibrated at 3 loads" in reading.reason
    assert reading.label == READING.label and reading.rails_j == READING.rails_j


@pytest.mark.parametrize("watts, outside", [(5.0, ""), (2.0, ""), (15.0, "15 W is outside the calibrated 2 to 10 W"),
                                            (1.5, "1.5 W is outside the calibrated 2 to 10 W")])
def test_a_load_that_was_not_calibrated_is_said_and_bounded_by_the_data_sheet(watts, outside):
    found = made([(2.0, 2.5), (5.0, 5.9), (10.0, 11.3)])
    assert (found.low_w, found.high_w) == (2.0, 10.0)
    reading = calibrated(READING._replace(gross_j=100.0 * watts), found)
    residual_j = 100.0 * found.residual_w
    assert 0.0 < residual_j < 1.1 * 40.0
    assert reading.sensor_j == pytest.approx(found.slope * 40.0 if outside else residual_j)
    assert (outside in reading.reason) and ("outside" in reading.reason) == bool(outside)


def test_a_calibration_of_before_has_no_known_range(tmp_path):
    path, old = tmp_path / "c.json", made()._replace(low_w=None, high_w=None)
    save(made(), str(path))
    facts = dict(json.loads(path.read_text()), format=1)
    del facts["low_w"], facts["high_w"]
    path.write_text(json.dumps(facts))
    assert load(str(path), "jtop", "VDD_IN", "board 1") == old
    reading = calibrated(READING, old)
    assert "loads that are not known" in reading.reason and reading.sensor_j == pytest.approx(1.1 * 40.0)


def test_net_joules_and_their_interval_take_the_slope():
    reading = calibrated(READING._replace(net_low_j=150.0, net_high_j=250.0), made())
    assert (reading.net_low_j, reading.net_j, reading.net_high_j) == pytest.approx((165.0, 220.0, 275.0))


@pytest.mark.parametrize("other", [READING._replace(source="nvml"), READING._replace(scope="VDD_MUX"),
                                   EnergyReading(source="jtop", scope="VDD_IN", reason="too few")])
def test_another_sensor_s_joules_and_none_stay_as_they_are(other):
    assert calibrated(other, made()) == other


def test_the_chip_s_own_files_are_the_sensor_behind_jtop(tmp_path):
    files = READING._replace(source="ina3221")
    assert calibrated(files, made()).gross_j == calibrated(READING, made()).gross_j
    path = str(tmp_path / "c.json")
    save(made(), path)
    assert load(path, "ina3221", "VDD_IN", "board 1") == made()


def test_it_is_kept_for_its_board(tmp_path):
    path = str(tmp_path / "deep" / "c.json")
    save(made(), path)
    assert load(path, "jtop", "VDD_IN", "board 1") == made()
    for source, scope, board in (("jtop", "VDD_IN", "board 2"), ("nvml", "VDD_IN", "board 1"),
                                 ("jtop", "POM_5V_IN", "board 1")):
        assert load(path, source, scope, board) is None
    assert load(str(tmp_path / "none.json"), "jtop", "VDD_IN", "board 1") is None


@pytest.mark.parametrize("change", ["{", "[]", "{}", {"slope": "steep"}, {"slope": float("nan")}, {"format": 3},
                                    {"low_w": "low"}, {"high_w": None}])
def test_a_damaged_file_is_an_error(tmp_path, change):
    path = tmp_path / "c.json"
    save(made(), str(path))
    path.write_text(change if isinstance(change, str) else json.dumps(dict(json.loads(path.read_text()), **change)))
    with pytest.raises(DataError, match="calibration") as caught:
        load(str(path), "jtop", "VDD_IN", "board 1")
    assert "--calibrate" in caught.value.hint


def test_a_board_has_its_number_and_the_user_a_folder(tmp_path, monkeypatch):
    serial = tmp_path / "serial"
    monkeypatch.setattr(calibration, "BOARD_FILES", (str(tmp_path / "none"), str(serial)))
    assert calibration.board_id() == ""
    serial.write_bytes(b"0320718073522\0")
    assert calibration.board_id() == "0320718073522"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert calibration.path_of("jtop") == str(tmp_path / "dance-edge" / "calibration-ina3221.json")
