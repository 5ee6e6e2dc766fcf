"""Dropping and batching: a pure function of the seed."""
import itertools

import numpy as np
import pytest

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPlan, SlimPolicy
from dance_edge.data.sampler import batches, count_steps, draws
from dance_edge.errors import DataError
from dance_edge.size import Size

LADDER = build_ladder(Size(360, 480), 32)
FULL = LADDER.full


def plans_of(count, drop=None, seed=0):
    chosen = np.random.RandomState(seed).rand(count)
    plans = [SlimPolicy().plan(p, LADDER) for p in chosen]
    return plans if drop is None else [plan._replace(drop_probability=drop) for plan in plans]


def kept_by_epoch(plans, seed, epochs):
    kept = {}
    for batch in batches(plans, seed, 4, epochs):
        for item in batch.items:
            kept.setdefault(item, 0)
            kept[item] += 1
    return kept


def test_drop_probability_70_keeps_about_30_percent_and_other_images_each_epoch():
    plans = plans_of(400, drop=0.7)
    keeps = []
    for epoch in range(2):
        _order, chances = draws(5, epoch, 400)
        keeps.append({i for i in range(400) if chances[i] >= plans[i].drop_probability})
        assert 0.63 <= 1 - len(keeps[-1]) / 400 <= 0.77
    assert 0.18 < len(keeps[0] & keeps[1]) / len(keeps[0]) < 0.42


def test_every_kept_image_is_in_one_batch_or_left_alone_at_the_end():
    plans = plans_of(97)
    epochs, seed = 3, 11
    expected = {}
    for epoch in range(epochs):
        _order, chances = draws(seed, epoch, len(plans))
        for i, plan in enumerate(plans):
            if chances[i] >= plan.drop_probability:
                expected[i] = expected.get(i, 0) + 1
    got = kept_by_epoch(plans, seed, epochs)
    lost = sum(expected.values()) - sum(got.values())
    assert 0 <= lost <= len(LADDER.rungs)  # a single image in a queue has no batch
    assert all(got[i] <= expected[i] for i in got)


def test_batches_hold_one_size_and_are_full_until_the_end():
    plans = plans_of(120)
    found = list(batches(plans, 0, 4, 5))
    assert all(plans[item].size == batch.size for batch in found for item in batch.items)
    sizes = [len(batch.items) for batch in found]
    assert set(sizes[:-len(LADDER.rungs)]) == {4} and min(sizes) >= 2
    assert [batch.offered for batch in found] == sorted(batch.offered for batch in found) and found[-1].offered == 600


def test_steps_are_known_before_the_first():
    plans = plans_of(50)
    assert count_steps(plans, 2, 4, 6) == len(list(batches(plans, 2, 4, 6)))
    endless = list(itertools.islice(batches(plans, 2, 4, None), 200))
    assert len(endless) == 200


def test_the_same_seed_gives_the_same_run_and_another_gives_another():
    plans = plans_of(60)
    one, again, other = (list(batches(plans, seed, 4, 2)) for seed in (1, 1, 2))
    assert one == again and one != other


def test_nine_images_at_batch_four_give_exactly_the_steps_asked_for():
    plain = SlimPolicy(False, False, False)
    plans = [plain.plan(0.5, LADDER)] * 9
    assert len(list(itertools.islice(batches(plans, 0, 4, None), 13))) == 13
    assert count_steps(plans, 0, 4, 4) == 9  # 36 images in batches of 4


def test_solid_images_end_with_one_clear_line_and_no_hang():
    with pytest.raises(DataError, match="0.00 of 16 images"):
        next(batches([SlimPolicy().plan(0.0, LADDER)] * 16, 0, 4, None))


def test_an_image_left_alone_is_no_batch():
    alone = [SlimPlan(1.0, 1.0, size, 0.0, 1.0) for size in LADDER.rungs]
    assert list(batches(alone, 0, 4, 1)) == []
