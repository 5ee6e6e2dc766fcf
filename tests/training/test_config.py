import pytest

from dance_edge.errors import ConfigError
from dance_edge.training.config import AdaptConfig, changed_settings, check, config_from_dict, learning_rate

CONFIG = AdaptConfig(target="bdd", source="s.pt")


def test_settings_go_through_json():
    config = CONFIG._replace(ratio_range=(0.625, 0.875), steps=9)
    assert config_from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="colour"):
        config_from_dict({"target": "x", "colour": 1})


@pytest.mark.parametrize("wrong", [
    dict(steps=3, epochs=2), dict(steps=-1), dict(epochs=-1), dict(stages=-2), dict(pruning_ratio=1.0),
    dict(batch_size=1), dict(ratio_range=(0.0, 1.0)), dict(ratio_range=(0.9, 0.5)),
    dict(learning_rate=float("nan")), dict(source="")])
def test_what_cannot_be_is_refused(wrong):
    check(CONFIG)
    with pytest.raises(ConfigError):
        check(CONFIG._replace(**wrong))


def test_changed_settings_are_named_and_harmless_ones_are_not():
    now = CONFIG._replace(learning_rate=0.5, workers=3, out="elsewhere", checkpoint_every=7, fresh=True)
    assert changed_settings(CONFIG, now) == ["learning_rate: 0.0 -> 0.5"]


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
