"""Images by sequence, brightness and p, and who pulls on the weights."""
import numpy as np
import pytest

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.groups import Item, group_items, parts_of, pulls
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.0, 0.1, Size(10, 10), 10, 0.0, "made", "sobel")
DUSK_AND_DAY = [Item("dusk", 0.05, 0.1 + 0.001 * i) for i in range(5)] + [Item("day", 0.25, 0.5) for _ in range(15)]


def test_the_pull_is_p_squared_and_shares_add_up():
    groups = {one.name: one for one in group_items(DUSK_AND_DAY, PROFILE, SlimPolicy()) if one.kind == "sequence"}
    low, high = PROFILE.p(0.05), PROFILE.p(0.25)
    assert groups["dusk"].images == 5 and groups["dusk"].share == 0.25 and abs(groups["dusk"].mean_p - low) < 1e-12
    assert abs(groups["dusk"].pull - 5 * low ** 2 / (5 * low ** 2 + 15 * high ** 2)) < 1e-12
    assert abs(groups["dusk"].pull + groups["day"].pull - 1.0) < 1e-12
    assert groups["dusk"].starved and not groups["day"].starved and groups["dusk"].to_dict()["starved"] is True


@pytest.mark.parametrize("policy, power", [(SlimPolicy(drop=False), 1), (SlimPolicy(weigh=False), 1),
                                           (SlimPolicy(drop=False, weigh=False), 0)])
def test_techniques_that_are_off_do_not_pull(policy, power):
    dusk = next(one for one in group_items(DUSK_AND_DAY, PROFILE, policy) if one.name == "dusk")
    low, high = PROFILE.p(0.05) ** power, PROFILE.p(0.25) ** power
    assert abs(dusk.pull - 5 * low / (5 * low + 15 * high)) < 1e-12


def test_the_policys_own_ranges_and_rules_are_what_pulls():
    low, high = PROFILE.p(0.05), PROFILE.p(0.25)
    policy = SlimPolicy(drop_range=(0.75, 0.25), weight_range=(1.0, 2.0))
    dusk, day = (0.25 + 0.5 * low) * (1.0 + low), (0.25 + 0.5 * high) * (1.0 + high)
    assert pulls(DUSK_AND_DAY, PROFILE, policy)[0] == pytest.approx(dusk / (5 * dusk + 15 * day))
    inverse = pulls(DUSK_AND_DAY, PROFILE, SlimPolicy(p_rule="inverse"))
    assert inverse[0] / inverse[-1] == pytest.approx((1.0 - low) ** 2 / (1.0 - high) ** 2)
    annealed = pulls(DUSK_AND_DAY, PROFILE, SlimPolicy(), anneal=0.25)  # p (p + (1 - p) / 4)
    assert annealed[0] / annealed[-1] == pytest.approx(low * (0.75 * low + 0.25) / (high * (0.75 * high + 0.25)))
    assert pulls([Item("", 0.0, 0.0)] * 3, PROFILE, SlimPolicy()).tolist() == [0.0, 0.0, 0.0]


def test_quarters_of_brightness_are_always_there():
    groups = group_items([Item("", 0.1, i / 16.0) for i in range(16)], PROFILE, SlimPolicy())
    assert [(one.name, one.images) for one in groups] == [
        ("darkest quarter", 4), ("darker quarter", 4), ("brighter quarter", 4), ("brightest quarter", 4)]
    assert [one.brightness for one in groups] == [1.5 / 16, 5.5 / 16, 9.5 / 16, 13.5 / 16]
    assert [one.images for one in group_items([Item("", 0.1, i) for i in range(5)], PROFILE, SlimPolicy())] == [
        2, 1, 1, 1]
    assert group_items([Item("", 0.1, i) for i in range(3)], PROFILE, SlimPolicy()) == ()
    assert group_items([], PROFILE, SlimPolicy()) == ()


def test_parts_by_hand():
    parts = parts_of(["b", "a", "b", "", "b"], [0.5, 0.1, 0.2, 0.4, 0.3], [0.9, 0.2, 0.1, 0.5, 0.6])
    assert [(part.kind, part.name, np.flatnonzero(part.chosen).tolist()) for part in parts] == [
        ("sequence", "(none)", [3]), ("sequence", "a", [1]), ("sequence", "b", [0, 2, 4]),
        ("brightness", "darkest quarter", [1, 2]), ("brightness", "darker quarter", [4]),
        ("brightness", "brighter quarter", [3]), ("brightness", "brightest quarter", [0]),
        ("p", "low p", [1, 2]), ("p", "middle p", [3, 4]), ("p", "high p", [0])]
    assert [part.kind for part in parts_of(["", ""], [0.1, 0.2], [0.1, 0.2])] == []
    assert [part.kind for part in parts_of(["a", "a"], [0.1, 0.2])] == ["sequence"]


@pytest.mark.parametrize("count", [4, 7, 12, 101])
def test_every_image_is_in_one_part_of_each_kind(count):
    random = np.random.RandomState(count)
    parts = parts_of(["a"] * count, random.rand(count), random.rand(count))
    for kind in ("sequence", "brightness", "p"):
        chosen = [part.chosen for part in parts if part.kind == kind]
        assert np.sum(chosen, axis=0).tolist() == [1] * count
        sizes = [int(one.sum()) for one in chosen]
        assert max(sizes) - min(sizes) <= 1
