"""What every epoch's line says, and with which step it comes."""
from dance_edge.complexity.policy import SlimPlan, SlimPolicy
from dance_edge.data.sampler import stream
from dance_edge.events import EpochDone
from dance_edge.size import Size
from dance_edge.training.epochs import epoch_log

HALF, FULL = Size(64, 96), Size(128, 192)


def plans_of(small, large, dropped):
    return ([SlimPlan(0.0, 0.5, HALF, 0.0, 1.0)] * small + [SlimPlan(1.0, 1.0, FULL, 0.0, 1.0)] * large
            + [SlimPlan(0.0, 0.5, HALF, 1.0, 1.0)] * dropped)


def test_images_and_pixels_kept_by_size_with_the_last_step_of_each_epoch():
    plans = plans_of(4, 5, 7)
    log = epoch_log(stream(plans, 0, 3, 2), [FULL.pixels] * 16)
    pixels = (4 * 0.25 + 5) / 16
    sizes = ((HALF, 4), (FULL, 5))
    assert log == {2: [EpochDone(1, 2, 16, 9, 3, pixels, sizes)],  # a batch of each; 1 small and 2 large wait
                   7: [EpochDone(2, 2, 16, 9, 0, pixels, sizes)]}  # 5 small: 3 and 2; 7 large: 3, 3 and 1


def test_epochs_that_fill_no_batch_are_said_all_the_same():
    log = epoch_log(stream(plans_of(1, 0, 0), 0, 4, 6), [FULL.pixels])
    assert [(step, [one.epoch for one in said]) for step, said in log.items()] == [(1, [1, 2, 3, 4, 5]), (2, [6])]
    assert [one.waiting for one in log[1]] == [1, 2, 3, 0, 1] and log[2][0].waiting == 0


def test_a_run_in_steps_ends_within_an_epoch():
    plans = [SlimPolicy(False, False, False).plan(0.5, _ladder())] * 10
    log = epoch_log(stream(plans, 0, 4, None, 3), [FULL.pixels] * 10)
    assert [(one.epoch, one.epochs, one.offered, one.kept) for step in sorted(log) for one in log[step]] == [
        (1, 2, 10, 10), (2, 2, 2, 2)]


def _ladder():
    from dance_edge.complexity.ladder import build_ladder

    return build_ladder(FULL, 32)
