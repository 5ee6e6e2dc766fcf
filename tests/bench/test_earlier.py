import copy
import json

import pytest

from dance_edge.bench.earlier import check_common, read_bench
from dance_edge.errors import DataError

SECONDS = [0.100, 0.104]
GONE = object()


@pytest.fixture
def whole(bench_variant, bench_of):
    return bench_of(bench_variant("a", SECONDS), bench_variant("b", SECONDS))


def changed(whole, path, value):
    """A copy in which what stands at `path` is `value`, or is gone."""
    facts = copy.deepcopy(whole)
    place = facts
    for key in path[:-1]:
        place = place[key]
    if value is GONE:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return facts


def refused(tmp_path, facts, message):
    path = tmp_path / "old.json"
    path.write_text(facts if isinstance(facts, str) else json.dumps(facts))
    with pytest.raises(DataError, match=message) as caught:
        read_bench(str(path))
    assert caught.value.hint and "\n" not in caught.value.message and str(path) in caught.value.message


def test_files_that_are_none_are_one_clear_line(tmp_path, whole):
    for facts, message in (("{", "cannot read"), ("[]", "no bench.json"), (dict(whole, format=2), "has format 2"),
                           ({"format": 1}, "no bench.json"),
                           (changed(whole, ("inference", 0, "turns"), GONE), "no turns of a: an older version")):
        refused(tmp_path, facts, message)
    with pytest.raises(DataError, match="cannot read"):
        read_bench(str(tmp_path / "missing.json"))


VARIANT = ("inference", 1)


@pytest.mark.parametrize("path, value, message", [
    (VARIANT, 7, "damaged"), (VARIANT + ("name",), GONE, "lacks 'name'"), (VARIANT + ("name",), 7, "name is 7"),
    (VARIANT + ("turns", 0, "seconds_per_image"), GONE, "lacks 'seconds_per_image'"),
    (VARIANT + ("turns", 0, "seconds_per_image"), 0, "b: seconds_per_image is 0"),
    (VARIANT + ("turns", 0, "energy_j_per_image"), GONE, "lacks 'energy_j_per_image'"),
    (VARIANT + ("turns", 0, "energy_j_per_image"), "2 J", "b: energy_j_per_image is '2 J'"),
    (VARIANT + ("energy_j_per_image",), GONE, "lacks 'energy_j_per_image'"),
    (VARIANT + ("energy_j_per_image",), 0, "b: energy_j_per_image is 0"),
    (VARIANT + ("energy_j_per_image",), float("nan"), "b: energy_j_per_image is nan"),
    (VARIANT + ("energy",), GONE, "lacks 'energy'"), (VARIANT + ("energy",), [1], "damaged"),
    (VARIANT + ("energy", "measured"), GONE, "lacks 'measured'"),
    (VARIANT + ("energy", "measured"), "yes", "measured is 'yes'"),
    (VARIANT + ("energy", "gross_j"), 0.0, "gross_j is 0.0"),
    (VARIANT + ("energy", "sensor_j"), "1", "sensor_j is '1'"),
    (VARIANT + ("energy", "source"), 5, "damaged"), (VARIANT + ("backend",), GONE, "lacks 'backend'"),
    (VARIANT + ("macs_g",), "4 G", "b: macs_g is '4 G'"), (VARIANT + ("sizes",), [1], "b: sizes is"),
    (VARIANT + ("calibration",), {"slope": 1.0}, "lacks 'offset_w'"),
    (VARIANT + ("calibration",), 3, "calibration is 3"),
    (("conditions",), [1], "conditions are"), (("conditions",), {"start": 5}, "conditions are"),
])
def test_what_is_used_later_is_checked_now(tmp_path, whole, path, value, message):
    refused(tmp_path, changed(whole, path, value), message)


def test_what_an_older_bench_does_not_tell_is_no_damage(tmp_path, whole):
    path = tmp_path / "old.json"
    for facts in (whole, dict(whole, conditions=None), changed(whole, VARIANT + ("energy_j_per_image",), None),
                  changed(whole, VARIANT + ("calibration",), None), changed(whole, VARIANT + ("macs_g",), None)):
        path.write_text(json.dumps(facts))
        assert read_bench(str(path)) == facts


def test_models_in_common(whole):
    check_common(whole, ["b", "c"], "old.json")
    with pytest.raises(DataError, match=r"old.json has none of these models \(c, d\), it has a, b"):
        check_common(whole, ["c", "d"], "old.json")
