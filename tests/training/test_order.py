"""Data and network one after the other: which images come in which half, and when the network shrinks."""
import pytest

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.data.sampler import Batch, EpochTally, stream
from dance_edge.size import Size
from dance_edge.training.config import AdaptConfig
from dance_edge.training.order import Phase, in_order, stream_of

LADDER = build_ladder(Size(64, 96), 16)
SLIMMED = [SlimPolicy().plan(p / 20.0, LADDER) for p in range(20)]
WHOLE = [SlimPolicy(False, False, False).plan(p / 20.0, LADDER) for p in range(20)]
CONFIG = AdaptConfig("t", model="m", steps=12, stages=2, pruning_ratio=0.5)


def phases(order, steps=12, **changes):
    return in_order(CONFIG._replace(order=order, **changes), steps, SLIMMED, WHOLE, 0.7)


def test_together_is_one_phase():
    assert phases("together") == (Phase(0, 12, SLIMMED, 0.7, (4, 8)),)
    assert phases("network-first", slim=False) == (Phase(0, 12, SLIMMED, 0.7, ()),)  # then both plans are the same


def test_the_network_alone_is_slimmed_in_its_half_and_the_data_in_theirs():
    assert phases("network-first") == (Phase(0, 6, WHOLE, 1.0, (2, 4)), Phase(6, 12, SLIMMED, 0.7, ()))
    assert phases("data-first") == (Phase(0, 6, SLIMMED, 0.7, ()), Phase(6, 12, WHOLE, 1.0, (8, 10)))


@pytest.mark.parametrize("order", ["network-first", "data-first"])
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_halves_differ_by_a_step_at_most_and_leave_none_out(order, steps):
    found = phases(order, steps)
    assert [phase.begin for phase in found] + [steps] == [0] + [phase.end for phase in found]
    assert all(phase.begin < step <= phase.end for phase in found for step in phase.prune_at)
    lengths = [phase.end - phase.begin for phase in found]
    assert max(lengths) - min(lengths) <= 1 and sum(lengths) == steps


@pytest.mark.parametrize("order", ["network-first", "data-first"])
def test_each_half_streams_by_its_own_plan_and_tallies_add_up(order):
    config = CONFIG._replace(order=order)
    run = list(stream_of(config, 4, phases(order), True))
    batches = [one for one in run if isinstance(one, Batch)]
    tallies = [one for one in run if isinstance(one, EpochTally)]
    whole, slimmed = (batches[:6], batches[6:])[::1 if order == "network-first" else -1]
    assert len(batches) == 12 and {batch.size for batch in whole} == {LADDER.full}
    assert len({batch.size for batch in slimmed}) > 1
    whole_offered = 6 * 4  # nothing dropped
    assert batches[5].offered == (whole_offered if order == "network-first" else batches[5].offered) > 0
    assert [batch.offered for batch in batches] == sorted(batch.offered for batch in batches)
    assert [tally.epoch for tally in tallies] == list(range(len(tallies)))
    assert sum(tally.offered for tally in tallies) == batches[-1].offered
    guises = [(index, epoch) for batch in batches for index, epoch in zip(batch.items, batch.epochs)]
    assert len(guises) == len(set(guises)) == 48
    assert list(stream_of(config, 4, phases(order), True)) == run


def test_annealing_is_a_share_of_the_half_with_dropping():
    config = CONFIG._replace(order="network-first", anneal=0.5, steps=24)
    run = list(stream_of(config, 2, in_order(config, 24, SLIMMED, WHOLE, 0.7), True))
    alone = list(stream(SLIMMED, 0, 2, None, 12, 0.5, first_epoch=max(one.epoch for one in run[:12]) + 1))
    batches = [one for one in run if isinstance(one, Batch)]
    assert [one.items for one in batches[12:]] == [one.items for one in alone if isinstance(one, Batch)]


def test_together_is_the_sampler_s_own_stream():
    for config in (CONFIG, CONFIG._replace(steps=0, epochs=2)):
        length = dict(epochs=config.epochs or None, steps=config.steps or None)
        run = list(stream_of(config, 4, phases("together"), bool(config.steps)))
        assert run == list(stream(SLIMMED, 0, 4, **length))
