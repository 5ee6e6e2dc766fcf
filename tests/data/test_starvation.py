"""Which groups of images starve under p, and what is advised."""
import os
import re

import numpy as np
import pytest

from dance_edge.complexity.indicator import weber_contrast
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.data.groups import Item, group_items, items_of
from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import scan
from dance_edge.data.splits import training_records
from dance_edge.data.starvation import starvation_warnings
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.0, 0.1, Size(10, 10), 10, 0.0, "made", "sobel")
WEBER = PROFILE._replace(indicator="weber")
SAME_LIGHT = [Item("calm", 0.05, 0.5) for _ in range(5)] + [Item("busy", 0.25, 0.5) for _ in range(15)]


def dusk_and_day():
    """Twenty images whose contrast goes with their brightness: a quarter is dusk, a fifth as bright as day."""
    spread = np.linspace(0.8, 1.2, 5)
    return ([Item("dusk", 0.05 * one, 0.18) for one in spread]
            + [Item("day", 0.25 * one, 0.9) for one in spread for _ in range(3)])


def option_of(line):
    """What the line says one should type, and the share of the pull that it promises."""
    found = re.search("; (.+) makes it ([0-9.]+) %$", line)
    return found.group(1), float(found.group(2))


def test_a_warning_names_the_group_its_pull_and_what_helps():
    lines = starvation_warnings(dusk_and_day(), PROFILE, SlimPolicy())
    assert lines[0].startswith("sequence dusk (5 of 20 images, 25.0 %, mean p 0.03): only 0.1 % of the pull")
    assert option_of(lines[0])[0] == "--indicator weber" and lines[1].startswith("the darkest quarter (5 of 20")
    assert len(lines) == 2


def test_an_option_that_does_not_do_is_passed_over():
    # p 0.031 and 0.900: weighing all the same gives calm p / sum p = 1.1 %, a floor of 0.25 with it 8.5 %
    low, high = PROFILE.p(0.05), PROFILE.p(0.25)
    option, makes = option_of(starvation_warnings(SAME_LIGHT, WEBER, SlimPolicy())[0])
    assert option == "adapt --keep-floor 0.25 --no-weigh"
    assert makes == round(100.0 * 5 * 0.25 / (5 * 0.25 + 15 * high), 1)
    assert 5 * low / (5 * low + 15 * high) < 0.25 * 0.25


@pytest.mark.parametrize("policy, option", [
    (SlimPolicy(weigh=False), "adapt --keep-floor 0.25"),
    (SlimPolicy(keep_floor=0.1), "adapt --keep-floor 0.25 --no-weigh"),
    (SlimPolicy(keep_floor=0.3), "adapt --no-weigh"),
    (SlimPolicy(drop=False), "adapt --no-weigh"),
    (SlimPolicy(drop=False, weigh=False), None)])
def test_what_is_advised_goes_with_what_was_asked_for(policy, option):
    lines = starvation_warnings(SAME_LIGHT, WEBER, policy)
    assert [option_of(line)[0] for line in lines[:1]] == ([option] if option else [])


def test_options_that_cost_nothing_come_first():
    items = [Item("calm", 0.11, 0.5) for _ in range(5)] + [Item("busy", 0.25, 0.5) for _ in range(15)]
    assert option_of(starvation_warnings(items, WEBER, SlimPolicy())[0])[0] == "adapt --no-weigh"


def _with(option, items, profile, policy):
    """The advice followed: other items, profile and policy."""
    if option == "--indicator weber":
        items = [item._replace(complexity=weber_contrast(item.complexity, item.brightness)) for item in items]
        return items, fit_profile(np.array([one.complexity for one in items]), Size(10, 10), "made", "weber"), policy
    words = option.split()[1:]
    changes = {"weigh": False} if "--no-weigh" in words else {}
    if "--keep-floor" in words:
        changes["keep_floor"] = float(words[words.index("--keep-floor") + 1])
    if "--no-drop" in words:
        changes["drop"] = False
    return items, profile, policy._replace(**changes)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_advised_helps_when_it_is_followed(seed):
    random = np.random.RandomState(seed)
    items = [Item("abc"[i % 3], float(random.rayleigh((0.02, 0.1, 0.2)[i % 3])), float(random.rand()) * (0.2, 0.5, 1)[
        i % 3]) for i in range(90)]
    profile = fit_profile(np.array([one.complexity for one in items]), Size(10, 10), "made", "sobel")
    lines = [line for line in starvation_warnings(items, profile, SlimPolicy()) if line.startswith("sequence a")]
    assert len(lines) == 1
    option, makes = option_of(lines[0])
    group = next(one for one in group_items(*_with(option, items, profile, SlimPolicy())) if one.name == "a")
    assert not group.starved and round(100.0 * group.pull, 1) == makes


def test_few_images_are_no_group_to_warn_of():
    few = [Item("dusk", 0.05, 0.1) for _ in range(3)] + [Item("day", 0.25, 0.5) for _ in range(9)]
    assert not any("sequence" in line for line in starvation_warnings(few, PROFILE, SlimPolicy()))
    assert starvation_warnings([Item("", 0.0, 0.0) for _ in range(8)], PROFILE, SlimPolicy()) == []
    assert starvation_warnings([], PROFILE, SlimPolicy()) == []


@pytest.mark.parametrize("small, lines", [(4, 1), (1, 0)])
def test_many_small_drives_share_one_line(small, lines):
    """Four of 4 % each are warned of together; one alone is too little to speak of."""
    items = [Item("calm %d" % (i // 4), 0.05, 0.5) for i in range(4 * small)]
    items += [Item("busy %d" % (i // 4), 0.25, 0.5) for i in range(100 - len(items))]
    found = [line for line in starvation_warnings(items, PROFILE, SlimPolicy()) if "quarter" not in line]
    assert len(found) == lines
    if found:
        assert found[0].startswith("4 small sequences, such as calm 0, calm 1, calm 2 (16 of 100 images, 16.0 %")


@pytest.mark.parametrize("indicator, warned", [("sobel", True), ("weber", False)])
def test_camvids_dusk_starves_by_contrast_and_not_by_weber_contrast(data_dir, indicator, warned):
    dataset = open_dataset(os.path.join(data_dir, "camvid"))
    result = scan(dataset, indicator=indicator)
    train = training_records(dataset)
    profile = fit_profile(result.complexities(train), result.measured_size, "camvid", indicator)
    lines = starvation_warnings(items_of(train, result), profile, SlimPolicy())
    assert any("0001TP" in line for line in lines) == warned
    if warned:
        option, makes = option_of(next(line for line in lines if "0001TP" in line))
        assert option == "--indicator weber" and 6.0 < makes < 14.0
