"""A row of history a step, also over a pause."""
import pytest

from dance_edge.events import Scored, StepDone
from dance_edge.history import read_history
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig


def test_every_step_has_one_row_over_a_pause_and_a_score_stands_in_its_own(small_set, small_networks):
    asked = AdaptConfig(target=small_set, model=small_networks + ":make", steps=8, batch_size=3, stages=1, workers=0,
                        pruning_ratio=0.5, score_every=3, checkpoint_every=2, out="r")
    heard = []

    def stop(event):
        heard.append(event)
        if isinstance(event, StepDone) and event.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(Exception, match="Ctrl-C"):
        adapt(asked, stop)
    assert [row.step for row in read_history("r/scalars.csv")] == [1, 2, 3, 4, 5]
    facts = adapt(asked, heard.append).facts
    rows = read_history("r/scalars.csv")
    assert [row.step for row in rows] == [1, 2, 3, 4, 5, 6, 7, 8]
    last = {event.step: event for event in heard if isinstance(event, StepDone)}
    for row in rows:
        event = last[row.step]
        assert row.loss == pytest.approx(event.loss) and row.learning_rate == pytest.approx(event.learning_rate)
        assert (row.height, row.width) == event.size and row.power_w is None
    scores = {event.step: event.miou for event in heard if isinstance(event, Scored)}
    assert {row.step: row.miou for row in rows if row.miou is not None} == pytest.approx(scores)
    assert sorted(scores) == [3, 6] and [row.channels_kept for row in rows] == [1.0] * 3 + [0.5] * 5
    assert rows[-1].macs_p == pytest.approx(facts["macs_p"]) and rows[-1].time_s <= facts["duration_s"]
