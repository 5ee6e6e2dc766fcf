"""The report's figures, and the warning of a profile that does not fit."""
import numpy as np
import pytest

from dance_edge.energy.reading import EnergyReading
from dance_edge.events import Note, Progress
from dance_edge.serve import tally
from dance_edge.serve.frame import FrameResult
from dance_edge.serve.tally import Tally
from dance_edge.size import Size

SMALL, LARGE = Size(32, 64), Size(64, 128)


def result(p=0.5, size=SMALL, total_ms=10.0):
    return FrameResult(0, p, size, 1.0, 5.0, total_ms, np.zeros((1, 1), dtype=np.uint8))


def test_the_promised_keys_and_their_figures():
    count = Tally()
    for total_ms, size in ((10.0, SMALL), (20.0, SMALL), (30.0, LARGE)):
        count.add(result(size=size, total_ms=total_ms), macs=0.0)
    energy = EnergyReading(gross_j=6.0, duration_s=2.0, measured=True, source="jtop", scope="VDD_IN")
    facts = count.report(dropped=4, duration_s=2.0, energy=energy).to_dict()
    assert facts["frames"] == 3 and facts["dropped"] == 4 and facts["duration_s"] == 2.0 and facts["fps"] == 1.5
    assert facts["latency_ms"]["p50"] == pytest.approx(20.0) and facts["latency_ms"]["p99"] == pytest.approx(29.8)
    assert facts["sizes"] == {"32x64": 2, "64x128": 1}
    assert facts["energy_j_per_image"] == 2.0 and facts["energy_source"] == "measured (jtop, VDD_IN)"
    assert facts["energy"]["gross_j"] == 2.0 and facts["energy"]["measured"] is True


def test_no_frame_is_null_never_zero():
    count = Tally()
    facts = count.report(0, 1.0, count.estimate(1.0)).to_dict()
    assert facts["frames"] == 0 and facts["fps"] is None and facts["latency_ms"] == {"p50": None, "p99": None}
    assert facts["energy_j_per_image"] is None and "none" in facts["energy_source"]


def test_the_estimate_takes_the_macs_of_each_frame():
    count = Tally()
    for gmacs in (100.0, 300.0):
        count.add(result(), macs=1e9 * gmacs)
    energy = count.estimate(1.0)
    assert not energy.measured and energy.label == "estimated (TX2 model)"
    assert energy.per(2).gross_j == pytest.approx(3.74 + 0.0524 * 200.0, rel=0.01)


def test_macs_that_are_not_known_give_no_estimate():
    count = Tally()
    for macs in (1e9, None, 1e9):
        count.add(result(), macs)
    facts = count.report(0, 1.0, count.estimate(1.0)).to_dict()
    assert facts["energy_j_per_image"] is None and "MACs are not known" in facts["energy_source"]
    assert facts["energy"]["gross_j"] is None and facts["energy"]["duration_s"] > 0


@pytest.mark.parametrize("ps, said", [
    ([0.01] * 10, "low"), ([0.99] * 10, "high"), ([0.01] * 9 + [0.5], None), ([0.0] * 5 + [1.0] * 5, None),
    ([None] * 9, None), ([], None)])
def test_a_profile_of_another_world_is_said(ps, said):
    count, heard = Tally(), []
    for p in ps:
        count.add(result(p=p), macs=0.0)
    count.warn_of_profile("camvid", heard.append)
    assert len(heard) == (said is not None)
    if said:
        assert "100 % of the frames" in heard[0].text and said in heard[0].text and "camvid" in heard[0].text
        assert "scan VIDEO" in heard[0].text and "--profile" in heard[0].text


def test_a_share_where_the_end_is_known_and_a_line_now_and_then_where_not(monkeypatch):
    heard, count = [], Tally()
    count.add(result(), macs=0.0)
    count.say(result(), 8, heard.append)
    assert heard == [Progress("serve", 1, 8)]
    count.say(result(), None, heard.append)
    assert len(heard) == 1
    monkeypatch.setattr(tally, "SAY_EVERY_S", 0.0)
    count.say(result(), None, heard.append)
    assert isinstance(heard[1], Note) and "1 frames" in heard[1].text and "p 0.50 at 64x32" in heard[1].text
    count.say(result(p=None), None, heard.append)
    assert "now 64x32" in heard[2].text
