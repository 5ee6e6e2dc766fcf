"""Scores on the way: the best network is kept, and patience ends a run that gets no better."""
import os

import pytest
import torch

from dance_edge.checkpoint import load_tensors
from dance_edge.errors import ConfigError
from dance_edge.events import Note, Scored, StepDone
from dance_edge.training import attempt as module
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig


@pytest.fixture
def config(small_set, small_networks):
    """Makes the settings of a run of 12 steps that is scored after every second; it prunes after 4 and 8."""
    def make(**changes):
        return AdaptConfig(target=small_set, model=small_networks + ":make", steps=12, batch_size=3, stages=2,
                           workers=0, pruning_ratio=0.5, score_every=2, learning_rate=0.01, out="r")._replace(**changes)
    return make


@pytest.fixture
def scripted(monkeypatch):
    """Makes the scores to come, in turn, those that are given."""
    real = module.evaluate

    def script(*scores):
        ahead = list(scores)
        monkeypatch.setattr(module, "evaluate", lambda *args, **more: real(*args, **more)._replace(miou=ahead.pop(0)))
    return script


def test_scores_are_of_the_steps_and_leave_the_weights_alone(config):
    heard = []
    facts = adapt(config(), heard.append).facts
    assert [one.step for one in heard if isinstance(one, Scored)] == [2, 4, 6, 8, 10]
    assert [one["miou"] for one in facts["scores"]] == [one.miou for one in heard if isinstance(one, Scored)]
    if facts["best_step"] == 12:
        adapt(config(score_every=0, out="plain"))
        one, other = (load_tensors(folder + "/model.pt")["state_dict"] for folder in ("r", "plain"))
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_best_network_after_the_last_prune_becomes_the_model(config, scripted):
    scripted(0.9, 0.9, 0.9, 0.5, 0.7, 0.6, 0.7)  # after 2 to 10, in the end, and the best one's again
    heard = []
    facts = adapt(config(), heard.append).facts
    assert facts["best_step"] == 10 and facts["miou_after"] == 0.7 and facts["steps"] == 12
    assert any("step 10 scored better" in one.text for one in heard if isinstance(one, Note))
    best = load_tensors("r/checkpoints/best.pt")
    model = load_tensors("r/model.pt")["state_dict"]
    assert best["step"] == 10 and all(torch.equal(model[name], best["state_dict"][name]) for name in model)


def test_the_last_one_is_taken_where_it_is_no_worse(config, scripted):
    scripted(0.1, 0.1, 0.1, 0.5, 0.7, 0.7)
    assert adapt(config()).facts["best_step"] == 12


def test_patience_counts_from_the_last_prune_on_and_over_a_pause(config, scripted):
    asked = config(steps=40, stages=1, pruning_ratio=0.25, patience=3, checkpoint_every=1)  # pruned after 20
    scripted(*([0.9] * 9 + [0.5, 0.4, 0.5]))

    def stop(event):
        if isinstance(event, StepDone) and event.step == 25:
            raise KeyboardInterrupt

    with pytest.raises(Exception, match="Ctrl-C"):
        adapt(asked, stop)
    scripted(0.5, 0.4, 0.5)  # 24 was saved; 26 is the third that is no better; the end, and 20 again
    facts = adapt(asked).facts
    assert facts["ended_by"] == "patience" and facts["steps"] == 26 and facts["best_step"] == 20


def test_what_the_source_learned_from_is_scored_before_and_after(config, small_set):
    adapt(config(out="source", score_every=0, steps=4))
    facts = adapt(config(source="source", source_data=small_set, score_every=0, steps=4)).facts
    assert facts["source_before"]["miou"] == facts["miou_before"]  # here both are one set
    assert facts["source_after"]["miou"] == facts["miou_after"]
    assert set(facts["source_after"]["per_class"]) == set(facts["after"]["per_class"])
    assert adapt(config(out="s", score_every=0, steps=1)).facts["source_after"] is None


def test_patience_without_scores_is_refused(config):
    with pytest.raises(ConfigError, match="--patience"):
        adapt(config(score_every=0, patience=2))
    assert not os.path.exists("r")
