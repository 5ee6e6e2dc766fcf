import errno
import os

import pytest

from dance_edge.energy.gauge import Gauge, ProductGauge


def open_files():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def gauge(tmp_path):
    """Of a file of 8000 thousandths."""
    path = tmp_path / "in_power0_input"
    path.write_text("8000\n")
    one = Gauge(str(path))
    yield one
    one.close()


def test_a_value_is_read_anew_from_the_open_file(gauge):
    before = open_files()
    for written in (9000, 100, 12345, -8):
        with open(gauge.path, "w", encoding="ascii") as file:
            file.write("%d\n" % written)
        assert gauge.value() == written / 1000.0
    assert open_files() == before + 1
    gauge.close()
    assert open_files() == before and gauge.value() == -0.008  # it opens it again


def test_another_file_in_its_place_is_taken_once_looked_at(gauge, tmp_path):
    assert gauge.value() == 8.0
    (tmp_path / "new").write_text("9000\n")
    os.replace(str(tmp_path / "new"), gauge.path)
    gauge.leave_replaced()
    assert gauge.value() == 9.0
    number = gauge._number
    gauge.leave_replaced()  # one that is in its place stays open
    assert gauge._number == number != -1


def test_a_file_that_fails_for_ever_is_opened_once_more(gauge, monkeypatch):
    """As after a driver was bound anew: what was open says that there is no such device, whatever its path holds."""
    gauge.value()
    before, pread, asked = open_files(), os.pread, []

    def of_kernel(number, size, offset):
        asked.append(number)
        if len(asked) in (1, 3, 4):
            raise OSError(errno.ENODEV, "No such device")
        return pread(number, size, offset)

    monkeypatch.setattr(os, "pread", of_kernel)
    assert gauge.value() == 8.0 and len(asked) == 2 and open_files() == before
    with pytest.raises(OSError, match="No such device"):  # what fails again is a failure
        gauge.value()
    assert len(asked) == 4 and gauge.value() == 8.0 and open_files() == before


@pytest.mark.parametrize("text", ["", "garbage\n"])
def test_no_number_is_no_zero(gauge, text):
    with open(gauge.path, "w", encoding="ascii") as file:
        file.write(text)
    with pytest.raises(ValueError):
        gauge.value()


def test_no_file_is_said_and_opens_nothing(tmp_path):
    before, missing = open_files(), Gauge(str(tmp_path / "missing"))
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            missing.value()
    missing.leave_replaced()
    missing.close()
    assert open_files() == before


def test_amperes_by_volts(tmp_path):
    before, paths = open_files(), [tmp_path / "curr1_input", tmp_path / "in1_input"]
    for path, text in zip(paths, ("1600\n", "5000\n")):
        path.write_text(text)
    watts = ProductGauge(*map(str, paths))
    assert watts.value() == pytest.approx(8.0) and open_files() == before + 2
    (tmp_path / "new").write_text("4000\n")
    os.replace(str(tmp_path / "new"), str(paths[1]))
    watts.leave_replaced()
    assert watts.value() == pytest.approx(6.4)
    watts.close()
    assert open_files() == before
