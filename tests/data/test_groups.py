"""Which groups of images starve under p."""
import os

import pytest

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.data.groups import Item, group_items, items_of, starvation_warnings
from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import scan
from dance_edge.data.splits import training_records
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.0, 0.1, Size(10, 10), 10, 0.0, "made", "sobel")
DUSK_AND_DAY = [Item("dusk", 0.05, 0.1 + 0.001 * i) for i in range(5)] + [Item("day", 0.25, 0.5) for _ in range(15)]


def test_the_pull_is_p_squared_and_shares_add_up():
    groups = {one.name: one for one in group_items(DUSK_AND_DAY, PROFILE, SlimPolicy()) if one.kind == "sequence"}
    low, high = PROFILE.p(0.05), PROFILE.p(0.25)
    assert groups["dusk"].images == 5 and groups["dusk"].share == 0.25 and abs(groups["dusk"].mean_p - low) < 1e-12
    assert abs(groups["dusk"].pull - 5 * low ** 2 / (5 * low ** 2 + 15 * high ** 2)) < 1e-12
    assert abs(groups["dusk"].pull + groups["day"].pull - 1.0) < 1e-12
    assert groups["dusk"].starved and not groups["day"].starved


@pytest.mark.parametrize("policy, power", [(SlimPolicy(drop=False), 1), (SlimPolicy(weigh=False), 1),
                                           (SlimPolicy(drop=False, weigh=False), 0)])
def test_techniques_that_are_off_do_not_pull(policy, power):
    dusk = next(one for one in group_items(DUSK_AND_DAY, PROFILE, policy) if one.name == "dusk")
    low, high = PROFILE.p(0.05) ** power, PROFILE.p(0.25) ** power
    assert abs(dusk.pull - 5 * low / (5 * low + 15 * high)) < 1e-12


def test_quarters_of_brightness_are_always_there():
    groups = group_items([Item("", 0.1, i / 16.0) for i in range(16)], PROFILE, SlimPolicy())
    assert [(one.name, one.images) for one in groups] == [
        ("darkest quarter", 4), ("darker quarter", 4), ("brighter quarter", 4), ("brightest quarter", 4)]
    assert [one.brightness for one in groups] == [1.5 / 16, 5.5 / 16, 9.5 / 16, 13.5 / 16]
    assert group_items([], PROFILE, SlimPolicy()) == () and group_items(DUSK_AND_DAY[:1], PROFILE, SlimPolicy()) == ()


def test_a_warning_names_the_group_and_what_helps():
    groups = group_items(DUSK_AND_DAY, PROFILE, SlimPolicy())
    lines = starvation_warnings(groups, "sobel")
    assert lines[0].startswith("sequence dusk (5 of 20 images, mean p 0.03)") and "--indicator weber" in lines[0]
    assert "darkest quarter" in lines[1]
    assert "--no-drop" in starvation_warnings(groups, "weber")[0]


def test_few_images_are_no_group_to_warn_of():
    few = [Item("dusk", 0.05, 0.1) for _ in range(3)] + [Item("day", 0.25, 0.5) for _ in range(9)]
    assert not any("sequence" in line for line in starvation_warnings(group_items(few, PROFILE, SlimPolicy()), "sobel"))
    all_dark = [Item("", 0.0, 0.0) for _ in range(8)]
    assert all(one.pull == 0.0 for one in group_items(all_dark, PROFILE, SlimPolicy()))


@pytest.mark.parametrize("indicator, warned", [("sobel", True), ("weber", False)])
def test_camvids_dusk_starves_by_contrast_and_not_by_weber_contrast(data_dir, indicator, warned):
    dataset = open_dataset(os.path.join(data_dir, "camvid"))
    result = scan(dataset, indicator=indicator)
    train = training_records(dataset)
    profile = fit_profile(result.complexities(train), result.measured_size, "camvid", indicator)
    lines = starvation_warnings(group_items(items_of(train, result), profile, SlimPolicy()), indicator)
    assert any("0001TP" in line for line in lines) == warned
