import copy
import json
import math

import pytest

from dance_edge.bench.against import changes, read_bench, unpaired_ratio
from dance_edge.bench.ratio import t_95
from dance_edge.errors import DataError

LABEL = "measured (jtop, VDD_IN)"


def variant(name, seconds, watts=5.0, label=LABEL):
    turns = [{"images": 4, "seconds_per_image": one, "energy_j_per_image": watts * one, "energy_source": label}
             for one in seconds]
    mean = sum(seconds) / len(seconds)
    return {"name": name, "backend": "onnxruntime", "energy_j_per_image": watts * mean, "energy_source": label,
            "energy": {"measured": label == LABEL, "sensor_j": None}, "turns": turns}


def bench(*variants):
    return {"format": 1, "machine": "a board, 4 cores", "images_sha256": "ab" * 32, "inference": list(variants)}


SECONDS = [0.100, 0.104, 0.098, 0.102]


def test_the_same_bench_shows_no_difference():
    found = changes(bench(variant("a", SECONDS)), bench(variant("a", SECONDS)), "old.json")
    (one,) = found.changes
    assert not one.time.seen and not one.energy.seen and one.time.value == pytest.approx(1.0)
    assert "no difference seen" in one.cells()[1] and "no difference seen" in one.cells()[2] and not found.differs


def test_twice_the_time_is_seen_and_noise_is_not():
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


def test_the_sensors_own_error_widens_a_ratio_of_joules():
    then, now = variant("a", [1.0, 1.0]), variant("a", [0.98, 0.98])
    for side in (then, now):
        side["energy"]["sensor_j"] = 1.0
    sharp = changes(bench(variant("a", [1.0, 1.0])), bench(variant("a", [0.98, 0.98])), "o").changes[0].energy
    wide = changes(bench(then), bench(now), "o").changes[0].energy
    assert sharp.low == sharp.high and wide.low < sharp.low < wide.high


def test_a_measurement_is_not_held_against_an_estimate():
    estimate = variant("a", SECONDS, label="estimated (TX2 model)")
    for then, now in ((estimate, variant("a", SECONDS)), (variant("a", SECONDS), estimate)):
        (one,) = changes(bench(then), bench(now), "o").changes
        assert one.energy is None and one.energy_source.startswith("not comparable") and one.time is not None
    (both,) = changes(bench(estimate), bench(estimate), "o").changes
    assert both.energy.value == 1.0 and both.energy.low is None and both.energy_source == "estimated (TX2 model)"
    gone = dict(variant("a", SECONDS), energy_j_per_image=None)
    assert changes(bench(gone), bench(gone), "o").changes[0].energy is None


def test_what_else_differs_is_said():
    now = dict(bench(dict(variant("a", SECONDS), backend="torch"), variant("new", SECONDS)), machine="another, 2 cores",
               images_sha256="cd" * 32)
    found = changes(bench(variant("a", SECONDS)), now, "o")
    assert [one.name for one in found.changes] == ["a"]
    text = "\n".join(found.differs)
    assert len(found.differs) == 3 and "another machine" in text and "another images" in text and "torch" in text


def test_a_calibration_between_two_benches_is_no_change():
    then, now = variant("a", SECONDS), variant("a", [1.3 * one for one in SECONDS])
    now["energy"] = dict(now["energy"], calibrated=True)
    for old, new, said in ((then, now, "VDD_IN), calibrated, it was measured (jtop, VDD_IN), uncalibrated"),
                           (now, then, "VDD_IN), uncalibrated, it was measured (jtop, VDD_IN), calibrated")):
        (one,) = changes(bench(old), bench(new), "o").changes
        assert one.energy is None and one.cells()[2] == "-" and "not comparable" in one.cells()[3]
        assert said in one.cells()[3] and one.time is not None
    (both,) = changes(bench(now), bench(now), "o").changes
    assert both.energy.value == 1.0 and both.cells()[3] == "measured (jtop, VDD_IN), calibrated"


def test_another_power_mode_governor_or_precision_is_said():
    def under(mode, governor, precision):
        return dict(bench(dict(variant("a", SECONDS), precision=precision)),
                    conditions={"start": {"power_mode": mode, "cpu_governor": governor}, "end": {}})

    found = changes(under("MAXN", "schedutil", "fp16"), under("MAXQ", None, "fp32"), "o")
    assert found.differs == ["another power mode than then: MAXQ, it was MAXN",
                             "another CPU governor than then: unknown, it was schedutil",
                             "a: another precision than then: fp32, it was fp16"]
    assert changes(under("MAXN", "x", None), under("MAXN", "x", None), "o").differs == []
    assert changes(bench(variant("a", SECONDS)), under("MAXN", "x", "fp16"), "o").differs == []  # it did not tell


def test_a_change_of_joules_in_json_says_what_they_are():
    (one,) = changes(bench(variant("a", SECONDS)), bench(variant("a", SECONDS)), "o").to_dict()["changes"]
    assert one["energy"]["measured"] is True and one["energy_source"] == LABEL + ", uncalibrated"


def test_nothing_in_common_is_an_error():
    with pytest.raises(DataError, match="none of these models"):
        changes(bench(variant("a", SECONDS)), bench(variant("b", SECONDS)), "o")


def test_files_that_are_none_are_one_clear_line(tmp_path):
    whole, path = bench(variant("a", SECONDS)), tmp_path / "old.json"
    broken = copy.deepcopy(whole)
    del broken["inference"][0]["turns"][0]["seconds_per_image"]
    older = copy.deepcopy(whole)
    del older["inference"][0]["turns"]
    cases = (("{", "cannot read"), ("[]", "no bench.json"), (json.dumps(dict(whole, format=2)), "has format 2"),
             (json.dumps(broken), "damaged"), (json.dumps(older), "no turns of a: an older version"),
             (json.dumps({"format": 1}), "no bench.json"))
    for text, message in cases:
        path.write_text(text)
        with pytest.raises(DataError, match=message) as caught:
            read_bench(str(path))
        assert caught.value.hint and "\n" not in caught.value.message
    with pytest.raises(DataError, match="cannot read"):
        read_bench(str(tmp_path / "missing.json"))
    path.write_text(json.dumps(whole))
    assert read_bench(str(path)) == whole
