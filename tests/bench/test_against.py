import math

import pytest

from dance_edge.bench.against import changes, unpaired_ratio
from dance_edge.bench.ratio import NOT_KNOWN, TOO_LARGE, t_95
from dance_edge.errors import DataError

LABEL = "measured (jtop, VDD_IN)"
SECONDS = [0.100, 0.104, 0.098, 0.102]


@pytest.fixture
def variant(bench_variant):
    return bench_variant


@pytest.fixture
def bench(bench_of):
    return bench_of


def test_the_same_bench_shows_no_difference(variant, bench):
    found = changes(bench(variant("a", SECONDS)), bench(variant("a", SECONDS)), "old.json")
    (one,) = found.changes
    assert not one.time.seen and not one.energy.seen and one.time.value == pytest.approx(1.0)
    assert "no difference seen" in one.cells()[1] and "no difference seen" in one.cells()[2] and not found.differs


def test_twice_the_time_is_seen_and_noise_is_not(variant, bench):
    slow = changes(bench(variant("a", SECONDS)), bench(variant("a", [2 * one for one in SECONDS])), "o").changes[0]
    assert slow.time.seen and slow.time.value == pytest.approx(2.0) and slow.energy.value == pytest.approx(2.0)
    assert 1.9 < slow.time.low < 2.0 < slow.time.high < 2.1 and slow.cells()[1].startswith("+100.0 % (")
    noise = changes(bench(variant("a", SECONDS)), bench(variant("a", [0.099, 0.105, 0.101, 0.103])), "o").changes[0]
    assert not noise.time.seen


def test_welchs_interval_by_hand():
    before, after = [1.0, 2.0], [2.0, 4.0, 8.0]
    # variances of the logarithms: ln(2)^2 / 2 and ln(2)^2; errors squared ln(2)^2 / 4 and ln(2)^2 / 3
    one, other = math.log(2) ** 2 / 4, math.log(2) ** 2 / 3
    freedom = (one + other) ** 2 / (one ** 2 / 1 + other ** 2 / 2)
    half = t_95(int(freedom)) * math.sqrt(one + other)
    found = unpaired_ratio(before, after)
    assert found.value == pytest.approx(2 ** 1.5) and found.pairs == 2 and int(freedom) == 2
    assert (found.low, found.high) == pytest.approx((2 ** 1.5 * math.exp(-half), 2 ** 1.5 * math.exp(half)))
    assert unpaired_ratio([1.0], [2.0, 2.0]).low is None and unpaired_ratio([], [1.0]) is None


def test_the_sensors_own_error_widens_a_ratio_of_joules(variant, bench):
    def ratio(error_j, calibrated=False, machine="a board, 4 cores"):
        then, now = variant("a", [1.0, 1.0]), variant("a", [0.98, 0.98])
        for side in (then, now):
            side["energy"].update(sensor_j=error_j, calibrated=calibrated)
        return changes(bench(then), dict(bench(now), machine=machine), "o").changes[0].energy

    sharp = ratio(None)
    assert sharp.low == sharp.high == pytest.approx(0.98) and sharp.reason == NOT_KNOWN
    # 5 J and 4.9 J, each 1 J off: by one board's offset in the same direction, by residuals in any
    assert ratio(1.0)[1:3] == pytest.approx((3.9 / 4.0, 5.9 / 6.0)) and ratio(1.0).reason == ""
    assert ratio(1.0, calibrated=True)[1:3] == pytest.approx((3.9 / 6.0, 5.9 / 4.0))
    assert ratio(1.0, machine="another, 6 cores")[1:3] == pytest.approx((3.9 / 6.0, 5.9 / 4.0))
    assert ratio(5.0)[1:3] == (None, None) and ratio(5.0).reason == TOO_LARGE


def test_where_the_sensors_error_is_not_known_that_stands_beside_the_ratio(variant, bench):
    one = changes(bench(variant("a", SECONDS)), bench(variant("a", SECONDS)), "o").changes[0]
    assert one.cells()[2].endswith(", " + NOT_KNOWN) and one.to_dict()["energy"]["reason"] == NOT_KNOWN


def test_a_measurement_is_not_held_against_an_estimate(variant, bench):
    estimate = variant("a", SECONDS, label="estimated (TX2 model)")
    for then, now in ((estimate, variant("a", SECONDS)), (variant("a", SECONDS), estimate)):
        (one,) = changes(bench(then), bench(now), "o").changes
        assert one.energy is None and one.energy_source.startswith("not comparable") and one.time is not None
    (both,) = changes(bench(estimate), bench(estimate), "o").changes
    assert both.energy.value == 1.0 and both.energy.low is None and both.energy_source == "estimated (TX2 model)"
    gone = dict(variant("a", SECONDS), energy_j_per_image=None)
    gone["energy"] = dict(gone["energy"], gross_j=None, reason="no sample")
    for then, now in ((gone, gone), (gone, estimate), (estimate, gone)):
        (one,) = changes(bench(then), bench(now), "o").changes
        assert one.energy is None and one.energy_source == "none (one of the two has no figure)"


def test_what_is_in_one_of_both_alone_is_left_out(variant, bench):
    found = changes(bench(variant("a", SECONDS)), bench(variant("new", SECONDS), variant("a", SECONDS)), "o")
    assert [one.name for one in found.changes] == ["a"] and found.differs == []


def test_a_calibration_between_two_benches_is_no_change(variant, bench):
    then, now = variant("a", SECONDS), variant("a", [1.3 * one for one in SECONDS])
    now["energy"] = dict(now["energy"], calibrated=True)
    for old, new, said in ((then, now, "VDD_IN), calibrated, it was measured (jtop, VDD_IN), uncalibrated"),
                           (now, then, "VDD_IN), uncalibrated, it was measured (jtop, VDD_IN), calibrated")):
        (one,) = changes(bench(old), bench(new), "o").changes
        assert one.energy is None and one.cells()[2] == "-" and "not comparable" in one.cells()[3]
        assert said in one.cells()[3] and one.time is not None
    (both,) = changes(bench(now), bench(now), "o").changes
    assert both.energy.value == 1.0 and both.cells()[3] == "measured (jtop, VDD_IN), calibrated"


def test_a_change_of_joules_in_json_says_what_they_are(variant, bench):
    (one,) = changes(bench(variant("a", SECONDS)), bench(variant("a", SECONDS)), "o").to_dict()["changes"]
    assert one["energy"]["measured"] is True and one["energy_source"] == LABEL + ", uncalibrated"


def test_nothing_in_common_is_an_error(variant, bench):
    with pytest.raises(DataError, match="none of these models"):
        changes(bench(variant("a", SECONDS)), bench(variant("b", SECONDS)), "o")
