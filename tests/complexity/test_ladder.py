import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from dance_edge.complexity.ladder import build_ladder, fixed_size
from dance_edge.size import Size


def test_five_equally_spaced_ratios_rounded_to_the_stride():
    ladder = build_ladder(Size(1024, 2048), 32)
    assert ladder.rungs == (Size(512, 1024), Size(640, 1280), Size(768, 1536), Size(896, 1792), Size(1024, 2048))
    assert ladder.ratios == (0.5, 0.625, 0.75, 0.875, 1.0)


@pytest.mark.parametrize("image", [
    Size(360, 480), Size(227, 320), Size(720, 1280), Size(65, 64), Size(480, 360), Size(33, 5000)])
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_rungs_are_multiples_of_the_stride_and_never_above_the_image(image, stride):
    ladder = build_ladder(image, stride)
    assert list(ladder.rungs) == sorted(set(ladder.rungs))
    for rung in ladder.rungs:
        for side, whole in zip(rung, image):
            assert side % stride == 0 and side >= 2 * stride and side <= max(whole, 2 * stride)


@settings(deadline=None, derandomize=True, max_examples=120)
@given(height=st.integers(8, 1500), width=st.integers(8, 2500), stride=st.sampled_from([8, 16, 32]),
       ends=st.tuples(st.floats(0.05, 1.0), st.floats(0.05, 1.0)), rungs=st.integers(1, 8))
def test_any_ladder_climbs_in_whole_strides_to_the_size_of_its_highest_ratio(height, width, stride, ends, rungs):
    image, (low, high) = Size(height, width), sorted(ends)
    ladder = build_ladder(image, stride, (low, high), rungs)
    assert 1 <= len(ladder.rungs) == len(ladder.ratios) <= rungs
    assert ladder.full == fixed_size(image, high, stride) and ladder.ratios[-1] == pytest.approx(high)
    for below, above in zip(ladder.rungs, ladder.rungs[1:]):
        assert below.height <= above.height and below.width <= above.width and below != above
    for rung in ladder.rungs:
        assert all(side % stride == 0 and 2 * stride <= side <= max(whole, 2 * stride)
                   for side, whole in zip(rung, image))
    taken = [ladder.at(low + (high - low) * i / 20).pixels for i in range(21)]
    assert taken == sorted(taken) and taken[-1] == ladder.full.pixels


def test_equal_rungs_are_merged():
    assert build_ladder(Size(64, 64), 32).rungs == (Size(64, 64),)
    assert len(build_ladder(Size(96, 96), 32).rungs) == 2


def test_p_goes_to_the_nearest_rung():
    ladder = build_ladder(Size(1024, 2048), 32)
    assert ladder.at(0.5) == Size(512, 1024) and ladder.at(0.56) == Size(512, 1024)
    assert ladder.at(0.57) == Size(640, 1280) and ladder.at(1.0) == ladder.full == Size(1024, 2048)


def test_portrait_images_have_a_ladder_of_their_own():
    assert build_ladder(Size(640, 320), 32).full == Size(640, 320)


def test_one_fixed_size_rounds_as_the_ladder_does():
    image = Size(360, 480)
    ladder = build_ladder(image, 32)
    assert tuple(fixed_size(image, ratio, 32) for ratio in ladder.ratios) == ladder.rungs


def test_a_range_of_one_ratio_has_one_rung():
    assert build_ladder(Size(1024, 2048), 32, (0.75, 0.75)).rungs == (Size(768, 1536),)


def test_rounding_costs_little_where_the_image_is_large():
    ladder = build_ladder(Size(1024, 2048), 32)
    exact = np.array(ladder.ratios) ** 2
    assert np.array([rung.pixels for rung in ladder.rungs]) / ladder.full.pixels == pytest.approx(exact, rel=1e-9)
