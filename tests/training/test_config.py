import json

import pytest

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.errors import ConfigError
from dance_edge.training.config import AdaptConfig, changed_settings, check, config_from_dict, learning_rate

CONFIG = AdaptConfig(target="bdd", source="s.pt")


def test_settings_go_through_json():
    config = CONFIG._replace(ratio_range=(0.625, 0.875), drop_range=(0.75, 0.25), weight_range=(1.0, 2.0), steps=9,
                             keep_floor=0.1, anneal=0.125, p_rule="random")
    assert config_from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ConfigError, match="colour"):
        config_from_dict({"target": "x", "colour": 1})


@pytest.mark.parametrize("wrong, wanted", [
    (dict(ratio_range=[0.5]), "two numbers"), (dict(drop_range="ab"), "two numbers"),
    (dict(keep_floor="x"), "a number"), (dict(keep_floor=True), "a number"), (dict(steps=1.5), "a whole number"),
    (dict(flip=0), "true or false"), (dict(source=3), "a text"), (dict(weight_range=[0, None]), "two numbers")])
def test_a_value_of_another_kind_is_named(wrong, wanted):
    with pytest.raises(ConfigError, match="the setting %s is" % list(wrong)[0]) as caught:
        config_from_dict(dict(wrong, target="x"))
    assert caught.value.hint == "give " + wanted


@pytest.mark.parametrize("wrong", [
    dict(steps=3, epochs=2), dict(steps=-1), dict(epochs=-1), dict(stages=-2), dict(pruning_ratio=1.0),
    dict(batch_size=1), dict(ratio_range=(0.0, 1.0)), dict(ratio_range=(0.9, 0.5)),
    dict(learning_rate=float("nan")), dict(source="")])
def test_what_cannot_be_is_refused(wrong):
    check(CONFIG)
    with pytest.raises(ConfigError):
        check(CONFIG._replace(**wrong))


@pytest.mark.parametrize("wrong, flag, helps", [
    (dict(ratio_range=(0.9, 0.5)), "--ratio-range is 0.9 0.5", "LOW HIGH"),
    (dict(drop_range=(0.25, 0.75)), "--drop-range is 0.25 0.75", "0.75 0.25"),
    (dict(drop_range=(75.0, 25.0)), "--drop-range is 75 25", "0.75 0.25"),
    (dict(drop_range=(1.0, 1.0)), "--drop-range is 1 1", "LOW below 1"),
    (dict(weight_range=(2.0, 1.0)), "--weight-range is 2 1", "1.0 2.0"),
    (dict(weight_range=(0.0, 0.0)), "--weight-range is 0 0", "1.0 2.0"),
    (dict(weight_range=(0.0, float("inf"))), "--weight-range is 0 inf", "1.0 2.0"),
    (dict(keep_floor=25.0), "--keep-floor is 25", "0 to 1"), (dict(keep_floor=float("nan")), "--keep-floor is nan", ""),
    (dict(anneal=1.0), "--anneal is 1", "--no-drop"), (dict(p_rule="sideways"), "--p is 'sideways'", "inverse"),
    (dict(seed=-1), "--seed is -1", "")])
def test_a_rule_that_cannot_be_is_one_line_that_names_the_flag(wrong, flag, helps):
    with pytest.raises(ConfigError) as caught:
        check(CONFIG._replace(**wrong))
    assert caught.value.message == flag and helps in caught.value.hint


def test_the_ranges_and_floors_of_the_paper_are_taken():
    for right in (dict(drop_range=(0.6, 0.4)), dict(drop_range=(0.5, 0.5)), dict(weight_range=(1.0, 4.0)),
                  dict(keep_floor=1.0), dict(anneal=0.125), dict(ratio_range=(0.75, 0.75))):
        check(CONFIG._replace(**right))


def test_the_settings_reach_the_policy():
    config = CONFIG._replace(drop_range=(0.75, 0.25), weight_range=(1.0, 2.0), keep_floor=0.1, p_rule="inverse")
    assert config.policy() == SlimPolicy(True, True, True, (0.5, 1.0), (0.75, 0.25), (1.0, 2.0), 0.1, "inverse")


def test_changed_settings_are_named_and_harmless_ones_are_not():
    now = CONFIG._replace(learning_rate=0.5, workers=3, power="none", out="elsewhere", checkpoint_every=7, fresh=True)
    assert changed_settings(CONFIG, now) == ["learning_rate: 0.0 -> 0.5"]


@pytest.mark.parametrize("changes, norm", [({}, float("inf")), ({"freeze_bn": True}, 1.0),
                                           ({"freeze_bn": True, "clip_norm": 0.0}, float("inf")),
                                           ({"freeze_bn": True, "clip_norm": 5.0}, 5.0), ({"clip_norm": 0.5}, 0.5)])
def test_gradients_are_clipped_where_nothing_else_bounds_them(changes, norm):
    config = CONFIG._replace(**changes)
    check(config)
    assert config.largest_norm() == norm


def test_no_slimming_is_plain_fine_tuning():
    plain = CONFIG._replace(slim=False)
    assert plain.prunes() == 0 and not any(plain.policy()[:3])
    assert CONFIG.prunes() == 3 and CONFIG._replace(pruning_ratio=0.0).prunes() == 0


def test_the_learning_rate_warms_up_and_ends_at_its_last_value():
    rates = [learning_rate(step, 1000, 0.1) for step in range(1000)]
    assert rates[0] == pytest.approx(0.001) and rates[99] == pytest.approx(0.1)
    assert rates[500] == pytest.approx(0.1 * 0.5 ** 0.9)
    assert rates[-1] == pytest.approx(0.1 * 0.001 ** 0.9) and rates[100:] == sorted(rates[100:], reverse=True)
    assert learning_rate(0, 5, 0.1) == 0.1  # too short to warm up
