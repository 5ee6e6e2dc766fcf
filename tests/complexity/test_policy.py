"""What slimming saves where p is uniform: the paper's own integrals."""
import numpy as np
import pytest

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy, expected_keep, expected_weight, policy_from_dict
from dance_edge.size import Size

LADDER = build_ladder(Size(1024, 2048), 32)
UNIFORM = [(i + 0.5) / 4000 for i in range(4000)]


def share(plan):
    return plan.size.pixels / LADDER.full.pixels


def test_uniform_p_costs_seven_twelfths_of_the_pixels():
    pixels = np.mean([share(SlimPolicy().plan(p, LADDER)) for p in UNIFORM])
    assert np.mean([SlimPolicy().ratio(p) ** 2 for p in UNIFORM]) == pytest.approx(7 / 12, abs=1e-6)
    assert pixels == pytest.approx(7 / 12, abs=0.003)  # five rungs stand for the line


def test_with_dropping_it_is_17_of_48_of_the_images_offered():
    plans = [SlimPolicy().plan(p, LADDER) for p in UNIFORM]
    offered = np.mean([(1 - plan.drop_probability) * share(plan) for plan in plans])
    assert offered == pytest.approx(17 / 48, abs=0.004)
    assert expected_keep(plans) / len(plans) == pytest.approx(0.5)
    assert offered / 0.5 == pytest.approx(0.708, abs=0.008)  # of an average image that is kept


def test_p_sets_ratio_dropping_and_weight():
    plan = SlimPolicy().plan(0.25, LADDER)
    assert plan.ratio == 0.625 and plan.drop_probability == 0.75 and plan.loss_weight == 0.25
    assert plan.size == Size(640, 1280)


def test_each_technique_can_be_turned_off():
    plan = SlimPolicy(downsample=False, drop=False, weigh=False).plan(0.1, LADDER)
    assert plan.size == LADDER.full and plan.drop_probability == 0 and plan.loss_weight == 1


def test_expected_weight_is_the_mean_p_of_kept_images():
    plans = [SlimPolicy().plan(p, LADDER) for p in UNIFORM]
    assert expected_weight(plans) == pytest.approx((1 / 3) / (1 / 2), abs=1e-4)  # E[p^2] / E[p]
    flat = [SlimPolicy(weigh=False).plan(p, LADDER) for p in UNIFORM]
    assert expected_weight(flat) == pytest.approx(1)
    assert expected_weight([SlimPolicy().plan(0.0, LADDER)]) == 0


def test_a_policy_goes_through_a_dict():
    policy = SlimPolicy(drop=False, ratio_range=(0.625, 0.875))
    assert policy_from_dict(policy.to_dict()) == policy
