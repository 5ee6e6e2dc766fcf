"""The fit against samples of known distribution."""
import numpy as np
import pytest

from dance_edge.complexity import maxwell


def sample(loc, scale, count=20000, seed=0):
    return loc + scale * np.linalg.norm(np.random.RandomState(seed).randn(count, 3), axis=1)


def test_a_maxwell_sample_gives_its_scale_back_within_one_percent():
    fitted = maxwell.fit(sample(0.0, 0.13)).better
    assert fitted.scale == pytest.approx(0.13, rel=0.01) and abs(fitted.loc) < 0.002
    assert fitted.ks_distance < 0.01


def test_the_closed_form_is_the_root_of_the_mean_square_over_three():
    values = sample(0.0, 0.2, 500)
    assert maxwell.fit(values).fixed.scale == pytest.approx(np.sqrt(np.sum(values ** 2) / (3 * values.size)))


def test_a_shifted_sample_gives_location_and_scale_back():
    fitted = maxwell.fit(sample(0.06, 0.128)).better
    assert fitted.loc == pytest.approx(0.06, abs=0.004) and fitted.scale == pytest.approx(0.128, rel=0.02)


def test_the_better_of_both_fits_is_kept():
    shifted = maxwell.fit(sample(0.3, 0.02))
    assert shifted.free.ks_distance < 0.02 < 0.2 < shifted.fixed.ks_distance
    assert shifted.kept == "free" and shifted.better is shifted.free and shifted.fixed.loc == 0.0


def test_location_0_is_kept_where_it_is_as_good():
    one = maxwell.MaxwellFit(0.0, 0.1, 0.03)
    assert maxwell.Fits(one, one._replace(loc=0.001)).kept == "fixed"
    assert maxwell.Fits(one, one._replace(ks_distance=0.029)).kept == "free"
    assert maxwell.Fits(one, one._replace(ks_distance=0.031)).better is one


def test_cdf_known_values():
    # the mode of a Maxwell distribution lies at sqrt(2) scale, its median at 1.5382 scale
    assert maxwell.cdf(np.array([0.0, 1.5382, 20.0]), 0.0, 1.0) == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)
    assert maxwell.cdf(np.array([-3.0, 2 + 3 * np.sqrt(2)]), 2.0, 3.0) == pytest.approx([0.0, 0.42759], abs=1e-4)


def test_ks_distance_of_two_points():
    # the empirical CDF jumps to 0.5 and 1 at the median: the gap is a half
    assert maxwell.ks_distance(np.array([1.5382, 1.5382]), 0.0, 1.0) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("values", [[0.2], [0.2] * 50, [0.0, 0.0], [0.1, 0.3]])
def test_few_or_equal_images_still_give_numbers(values):
    for fitted in maxwell.fit(np.array(values)):
        assert np.isfinite(fitted).all() and fitted.scale > 0
        assert all(type(value) is float for value in fitted)  # a numpy number does not go into a safe checkpoint


def test_a_free_location_fits_real_complexities_better():
    # CamVid's training images have a hard lower end: free location 0.06, scale 0.128 (measured), KS 0.075
    fitted = maxwell.fit(np.concatenate([sample(0.06, 0.128, 300, 3), np.random.RandomState(4).uniform(0.1, 0.15, 40)]))
    assert fitted.kept == "free" and fitted.free.loc > 0.02
