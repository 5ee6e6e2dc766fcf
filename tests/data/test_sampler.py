"""Dropping and batching: a pure function of the seed."""
import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPlan, SlimPolicy, annealed_share, expected_keep, expected_weight
from dance_edge.data.sampler import Batch, EpochTally, batches, count_steps, draws, shard, stream
from dance_edge.errors import DataError
from dance_edge.size import Size

LADDER = build_ladder(Size(360, 480), 32)
FULL = LADDER.full
PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)


def plans_of(count, drop=None, seed=0):
    chosen = np.random.RandomState(seed).rand(count)
    plans = [SlimPolicy().plan(p, LADDER) for p in chosen]
    return plans if drop is None else [plan._replace(drop_probability=drop) for plan in plans]


def emitted(run):
    """(image, the epoch it was kept in) of every item, in order."""
    return [pair for batch in run for pair in zip(batch.items, batch.epochs)]


def kept_of(plans, seed, epochs, dropping_images=None):
    """What is kept, from the draws alone; nothing is dropped after `dropping_images` images offered."""
    kept = []
    for epoch in range(epochs):
        order, chances = draws(seed, epoch, len(plans))
        for place, i in enumerate(order.tolist()):
            late = dropping_images is not None and epoch * len(plans) + place >= dropping_images
            if late or chances[i] >= plans[i].drop_probability:
                kept.append((i, epoch))
    return kept


def test_drop_probability_70_keeps_about_30_percent_and_other_images_each_epoch():
    plans = plans_of(400, drop=0.7)
    kept = emitted(batches(plans, 5, 4, 2))
    first, second = ({i for i, kept_in in kept if kept_in == epoch} for epoch in (0, 1))
    assert 0.63 <= 1 - len(first) / 400 <= 0.77 and 0.63 <= 1 - len(second) / 400 <= 0.77
    assert 0.18 < len(first & second) / len(first) < 0.42


def test_batches_hold_one_size_and_are_full_until_the_end():
    plans = plans_of(120)
    found = list(batches(plans, 0, 4, 5))
    assert all(plans[item].size == batch.size for batch in found for item in batch.items)
    assert {len(batch.items) for batch in found[:-len(LADDER.rungs)]} == {4}
    assert [batch.offered for batch in found] == sorted(batch.offered for batch in found) and found[-1].offered == 600


def test_steps_are_known_before_the_first():
    plans = plans_of(50)
    assert count_steps(plans, 2, 4, 6) == len(list(batches(plans, 2, 4, 6)))
    assert len(list(itertools.islice(batches(plans, 2, 4, None), 200))) == 200
    assert len(list(batches(plans, 2, 4, None, 200))) == 200


def test_the_same_seed_gives_the_same_run_and_another_gives_another():
    plans = plans_of(60)
    one, again, other = (list(batches(plans, seed, 4, 2)) for seed in (1, 1, 2))
    assert one == again and one != other


def test_nine_images_at_batch_four_give_exactly_the_steps_asked_for():
    plain = SlimPolicy(False, False, False)
    plans = [plain.plan(0.5, LADDER)] * 9
    assert len(list(batches(plans, 0, 4, None, 13))) == 13
    assert [len(batch.items) for batch in batches(plans, 0, 4, 4)] == [4] * 9
    assert [len(batch.items) for batch in batches(plans, 0, 4, 1)] == [4, 4, 1]


def test_solid_images_end_with_one_clear_line_and_no_hang():
    for epochs, steps in ((None, 4), (3, None)):
        with pytest.raises(DataError, match="0.00 of 16 images") as caught:
            next(batches([SlimPolicy().plan(0.0, LADDER)] * 16, 0, 4, epochs, steps, anneal=0.5))
        assert "--keep-floor" in caught.value.hint


def test_an_image_alone_on_its_rung_comes_at_the_end():
    alone = [SlimPlan(1.0, 1.0, size, 0.0, 1.0) for size in LADDER.rungs]
    assert [batch.size for batch in batches(alone, 0, 4, 1)] == list(LADDER.rungs)


def test_an_image_that_waited_keeps_the_epoch_it_was_kept_in():
    plans = [SlimPolicy(False, False, False).plan(0.5, LADDER)] * 3
    run = list(batches(plans, 0, 2, 2))
    assert [batch.epoch for batch in run] == [0, 1, 1] and [batch.epochs for batch in run] == [(0, 0), (0, 1), (1, 1)]
    assert len(set(emitted(run))) == 6  # none twice in one guise


def test_the_tally_of_an_epoch_is_what_it_kept_and_what_waits():
    plans = [SlimPlan(1.0, 1.0, LADDER.rungs[i % 2], 1.0 if i == 5 else 0.0, 1.0) for i in range(6)]
    tallies = [one for one in stream(plans, 0, 4, 2) if isinstance(one, EpochTally)]
    kept = ((LADDER.rungs[0], 3), (LADDER.rungs[1], 2))
    assert tallies == [EpochTally(0, 6, kept, 5), EpochTally(1, 6, kept, 0)]
    last = list(stream(plans, 0, 4, None, 1))[-1]  # a run in steps ends within an epoch, with images left over
    assert last.epoch == 1 and last.offered < 6 and last.waiting > 0


@pytest.mark.parametrize("epochs, steps", [(8, None), (None, 80)])
def test_nothing_is_dropped_in_the_last_eighth(epochs, steps):
    plans = plans_of(200, drop=0.75)
    before, after = list(stream(plans, 3, 8, epochs, steps)), list(stream(plans, 3, 8, epochs, steps, 0.125))
    tallies = [one for one in after if isinstance(one, EpochTally)]
    if epochs:
        assert [sum(count for _, count in one.kept) for one in tallies][-1] == 200
        assert after[:after.index(tallies[-2])] == before[:after.index(tallies[-2])]
    else:
        run = [one for one in after if isinstance(one, Batch)]
        pace = [run[i + 10].offered - run[i].offered for i in (50, 69)]  # images offered for 80 that are trained on
        assert len(run) == 80 and pace[0] > 250 and pace[1] < 100
        assert run[:70] == [one for one in before if isinstance(one, Batch)][:70]


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_ranks_share_a_batch_evenly(ranks):
    batch = Batch(3, FULL, (5, 1, 4, 2, 9, 0, 7, 8), (3, 3, 2, 3, 3, 3, 3, 3), 80)
    parts = [shard(batch, rank, ranks) for rank in range(ranks)]
    assert sorted(emitted(parts)) == sorted(emitted([batch]))
    assert {part.size for part in parts} == {FULL} and {part.offered for part in parts} == {80}
    counts = [len(part.items) for part in parts]
    assert max(counts) - min(counts) <= 1 <= min(counts)


@pytest.mark.parametrize("policy", [SlimPolicy(), SlimPolicy(keep_floor=0.25), SlimPolicy(drop_range=(0.75, 0.25)),
                                    SlimPolicy(weight_range=(1.0, 4.0)), SlimPolicy(p_rule="inverse")])
@pytest.mark.parametrize("epochs, steps, anneal", [(8, None, 0.0), (8, None, 0.25), (None, 400, 0.25)])
def test_expectations_match_what_a_run_does(policy, epochs, steps, anneal):
    plans = [policy.plan(p, LADDER) for p in np.random.RandomState(4).beta(1, 2, 1500)]
    weights = [plans[i].loss_weight for i, _ in emitted(batches(plans, 1, 16, epochs, steps, anneal))]
    undropped = anneal if steps else annealed_share(plans, anneal)
    assert np.mean(weights) == pytest.approx(expected_weight(plans, undropped), rel=0.02)
    if not steps:
        wanted = len(plans) * 8 * anneal + 8 * (1 - anneal) * expected_keep(plans)
        assert len(weights) == pytest.approx(wanted, rel=0.02)


PS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40)
POLICIES = st.builds(SlimPolicy, drop=st.booleans(), keep_floor=st.sampled_from([0.0, 0.2]),
                     p_rule=st.sampled_from(["proposed", "inverse", "random"]))
SEEDS, BATCHES = st.integers(0, 2 ** 32 - 1), st.integers(2, 7)
ANNEALS = st.sampled_from([0.0, 0.125, 0.5])


def planned(policy, ps):
    """Plans of images of two shapes, so of two ladders."""
    ladders = [build_ladder(Size(360, 480), 32), build_ladder(Size(480, 360), 32)]
    plans = [policy.plan(p, ladders[i % 3 == 2]) for i, p in enumerate(ps)]
    assume(expected_keep(plans) >= 0.5)
    return plans, set(ladders[0].rungs + ladders[1].rungs)


@PROPERTY
@given(policy=POLICIES, ps=PS, seed=SEEDS, batch_size=BATCHES, epochs=st.integers(1, 6), anneal=ANNEALS)
def test_over_epochs_every_kept_image_is_in_exactly_one_batch(policy, ps, seed, batch_size, epochs, anneal):
    plans, sizes = planned(policy, ps)
    run = list(batches(plans, seed, batch_size, epochs, None, anneal))
    dropping = epochs * len(plans) - int(round(anneal * epochs * len(plans)))
    assert sorted(emitted(run)) == sorted(kept_of(plans, seed, epochs, dropping))  # each once per epoch it was kept in
    assert all(plans[i].size == batch.size and batch.size in sizes for batch in run for i in batch.items)
    small = Counter(batch.size for batch in run if len(batch.items) < batch_size)
    assert all(count == 1 for count in small.values())  # what is left of a rung is one batch, the last of its size
    assert all(1 <= len(batch.items) <= batch_size for batch in run)
    assert run == list(batches(plans, seed, batch_size, epochs, None, anneal))


@PROPERTY
@given(policy=POLICIES, ps=PS, seed=SEEDS, batch_size=BATCHES, steps=st.integers(1, 12), anneal=ANNEALS)
def test_over_steps_no_image_comes_twice_and_every_batch_is_full(policy, ps, seed, batch_size, steps, anneal):
    plans, _sizes = planned(policy, ps)
    run = list(batches(plans, seed, batch_size, None, steps, anneal))
    assert len(run) == steps and {len(batch.items) for batch in run} == {batch_size}
    pairs = emitted(run)
    assert len(set(pairs)) == len(pairs)
    if not anneal:
        assert set(pairs) <= set(kept_of(plans, seed, run[-1].epoch + 1))
        assert run == list(batches(plans, seed, batch_size, None, steps + 3))[:steps]  # a longer run begins the same


@PROPERTY
@given(policy=POLICIES, ps=PS, seed=SEEDS, batch_size=BATCHES, length=st.integers(1, 6), in_steps=st.booleans(),
       anneal=ANNEALS)
def test_emitted_and_carried_out_is_kept_and_carried_in(policy, ps, seed, batch_size, length, in_steps, anneal):
    plans, sizes = planned(policy, ps)
    carried = trained = offered = 0
    tallies = 0
    for one in stream(plans, seed, batch_size, None if in_steps else length, length if in_steps else None, anneal):
        if isinstance(one, Batch):
            trained += len(one.items)
            continue
        kept = sum(count for _size, count in one.kept)
        assert trained + one.waiting == kept + carried and one.epoch == tallies
        assert {size for size, _count in one.kept} <= sizes
        carried, trained, tallies = one.waiting, 0, tallies + 1
        offered += one.offered
    if not in_steps:
        assert tallies == length and carried == 0 and offered == length * len(plans)
