"""What slimming saves where p is uniform: the paper's own integrals."""
import json

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import (
    P_RULES,
    SlimPolicy,
    annealed_share,
    expected_keep,
    expected_weight,
    policy_from_dict,
)
from dance_edge.size import Size

PROPERTY = settings(deadline=None, derandomize=True, max_examples=80)
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


@pytest.mark.parametrize("drop_range, at_low, at_high, kept", [
    ((1.0, 0.0), 1.0, 0.0, 0.5), ((0.75, 0.25), 0.75, 0.25, 0.5), ((0.6, 0.4), 0.6, 0.4, 0.5),  # Table 9
    ((0.5, 0.5), 0.5, 0.5, 0.5)])  # Table 8's random dropping
def test_the_range_of_dropping_is_its_value_at_p_0_and_1(drop_range, at_low, at_high, kept):
    policy = SlimPolicy(drop_range=drop_range)
    assert policy.plan(0.0, LADDER).drop_probability == at_low and policy.plan(1.0, LADDER).drop_probability == at_high
    plans = [policy.plan(p, LADDER) for p in UNIFORM]
    assert expected_keep(plans) / len(plans) == pytest.approx(kept)


@pytest.mark.parametrize("weight_range, at_a_quarter, mean", [
    ((0.0, 1.0), 0.25, 2 / 3), ((1.0, 2.0), 1.25, 5 / 3), ((1.0, 4.0), 1.75, 3.0)])  # Table 9
def test_the_normaliser_follows_the_range_of_weights(weight_range, at_a_quarter, mean):
    policy = SlimPolicy(weight_range=weight_range)
    assert policy.plan(0.25, LADDER).loss_weight == at_a_quarter
    plans = [policy.plan(p, LADDER) for p in UNIFORM]  # E[p (a + (b - a) p)] / E[p] = a + 2 (b - a) / 3
    assert expected_weight(plans) == pytest.approx(mean, abs=1e-4)
    plans = [policy._replace(drop=False).plan(p, LADDER) for p in UNIFORM]
    assert expected_weight(plans) == pytest.approx(sum(weight_range) / 2)


def test_the_keep_floor_holds_and_the_normaliser_follows():
    policy = SlimPolicy(keep_floor=0.25)
    assert policy.plan(0.0, LADDER).drop_probability == 0.75 and policy.plan(0.75, LADDER).drop_probability == 0.25
    plans = [policy.plan(p, LADDER) for p in UNIFORM]
    kept = 0.25 * 0.25 + (1 - 0.25 ** 2) / 2  # the floor below p = 1/4, p above it
    assert expected_keep(plans) / len(plans) == pytest.approx(kept, abs=1e-4)
    assert expected_weight(plans) == pytest.approx((0.25 ** 3 / 2 + (1 - 0.25 ** 3) / 3) / kept, abs=1e-4)
    assert SlimPolicy(keep_floor=1.0).plan(0.0, LADDER).drop_probability == 0.0


def test_annealing_brings_the_mean_weight_nearer_to_that_of_all_images():
    plans = [SlimPolicy().plan(p, LADDER) for p in UNIFORM]
    assert annealed_share(plans, 0.125) == pytest.approx(0.125 / (0.875 * 0.5 + 0.125))  # of the images kept
    assert annealed_share(plans, 0.0) == 0.0
    assert expected_weight(plans, 0.125) == pytest.approx(0.875 * 2 / 3 + 0.125 / 2, abs=1e-4)


def test_inverse_p_turns_every_rule_round():
    plan, mirrored = SlimPolicy(p_rule="inverse").plan(0.25, LADDER), SlimPolicy().plan(0.75, LADDER)
    assert plan == mirrored and plan.size == Size(896, 1792)


def test_random_p_is_uniform_knows_nothing_of_p_and_is_the_same_each_time():
    policy = SlimPolicy(p_rule="random")
    found = np.array([policy.acting(p) for p in UNIFORM])
    ranks = (np.arange(len(found)) + 0.5) / len(found)
    assert np.abs(np.sort(found) - ranks).max() < 0.03 and abs(np.corrcoef(found, UNIFORM)[0, 1]) < 0.05
    assert found.tolist() == [policy.acting(p + 1e-9) for p in UNIFORM]  # a machine's last bits make no other image
    assert policy.acting(0.5) == (0x7c9ae09f + 0.5) / 2 ** 32  # the first 8 digits of `printf 0.5000 | sha256sum`
    plan = policy.plan(0.5, LADDER)
    assert plan.size == LADDER.at(policy.ratio(0.5)) and plan.loss_weight == 1 - plan.drop_probability == plan.p


@pytest.mark.parametrize("rule", P_RULES)
def test_every_p_costs_the_same_where_p_is_uniform(rule):
    policy = SlimPolicy(p_rule=rule)  # Table 6 compares at equal cost
    assert np.mean([policy.ratio(p) ** 2 for p in UNIFORM]) == pytest.approx(7 / 12, abs=0.01)
    assert expected_keep(policy.plan(p, LADDER) for p in UNIFORM) / len(UNIFORM) == pytest.approx(0.5, abs=0.01)


def ascending(low, high):
    return st.tuples(st.floats(low, high), st.floats(low, high)).map(lambda pair: tuple(sorted(pair)))


POLICIES = st.builds(
    SlimPolicy, downsample=st.booleans(), drop=st.booleans(), weigh=st.booleans(), ratio_range=ascending(0.1, 1.0),
    drop_range=ascending(0.0, 0.99).map(lambda pair: (pair[1], pair[0])), weight_range=ascending(0.0, 4.0),
    keep_floor=st.floats(0.0, 1.0), p_rule=st.sampled_from(P_RULES))


@PROPERTY
@given(policy=POLICIES, p=st.floats(0.0, 1.0))
def test_a_plan_stays_within_its_ranges_on_its_ladder(policy, p):
    ladder = build_ladder(Size(384, 640), 32, policy.ratio_range)
    plan = policy.plan(p, ladder)
    tiny = 1e-9
    assert 0.0 <= plan.p <= 1.0 and plan.size in ladder.rungs and plan.size == ladder.at(policy.ratio(p))
    assert policy.ratio_range[0] - tiny <= plan.ratio <= policy.ratio_range[1] + tiny
    assert 0.0 <= plan.drop_probability <= 1.0 - policy.keep_floor
    assert plan.drop_probability <= policy.drop_range[0] + tiny if policy.drop else plan.drop_probability == 0.0
    low, high = policy.weight_range if policy.weigh else (1.0, 1.0)
    assert low - tiny <= plan.loss_weight <= high + tiny
    assert policy.downsample or plan.size == ladder.full


@PROPERTY
@given(policy=POLICIES, few=st.floats(0.0, 1.0), more=st.floats(0.0, 1.0))
def test_a_more_complex_image_is_never_smaller_rarer_or_lighter(policy, few, more):
    ladder = build_ladder(Size(384, 640), 32, policy.ratio_range)
    policy = policy._replace(p_rule="proposed")
    low, high = (policy.plan(p, ladder) for p in sorted((few, more)))
    assert low.size.pixels <= high.size.pixels and low.loss_weight <= high.loss_weight
    assert low.drop_probability >= high.drop_probability


@PROPERTY
@given(policy=POLICIES)
def test_a_policy_goes_through_json(policy):
    assert policy_from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


def test_a_policy_of_an_older_file_is_the_paper_s_in_what_it_lacks():
    older = {"downsample": True, "drop": False, "weigh": True, "ratio_range": [0.5, 1.0]}
    assert policy_from_dict(older) == SlimPolicy(drop=False)
    with pytest.raises(ValueError, match="sideways"):
        policy_from_dict(dict(older, p_rule="sideways"))
