import json

import numpy as np
import pytest

from dance_edge.complexity.profile import ComplexityProfile, fit_profile, load_profile, profile_from_dict
from dance_edge.errors import DataError
from dance_edge.size import Size

PROFILE = ComplexityProfile(0.05, 0.1, Size(360, 480), 367, 0.07, "camvid", "sobel")


def test_p_is_the_share_of_simpler_images():
    values = 0.1 * np.linalg.norm(np.random.RandomState(0).randn(5000, 3), axis=1)
    profile = fit_profile(values, Size(36, 48), "made", "sobel")
    for share in (0.1, 0.5, 0.9):
        assert profile.p(float(np.quantile(values, share))) == pytest.approx(share, abs=0.02)
    assert profile.p(0.0) == 0 and profile.p(9.0) == 1


def test_a_profile_goes_through_json(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps(PROFILE.to_dict()))
    assert load_profile(str(path)) == PROFILE and isinstance(load_profile(str(path)).measured_size, Size)


def test_both_fits_are_kept_and_the_better_one_is_the_profile():
    values = 0.06 + 0.128 * np.linalg.norm(np.random.RandomState(1).randn(400, 3), axis=1)
    profile = fit_profile(values, Size(36, 48), "made", "sobel")
    facts = json.loads(json.dumps(profile.to_dict()))
    assert facts["fits"]["kept"] == "free" and facts["fits"]["free"] == {
        "loc": facts["loc"], "scale": facts["scale"], "ks_distance": facts["ks_distance"]}
    assert facts["fits"]["fixed"]["loc"] == 0 and facts["fits"]["fixed"]["ks_distance"] > facts["ks_distance"]
    assert profile_from_dict(facts) == profile


def test_a_profile_from_before_both_fits_were_kept_is_read():
    facts = PROFILE.to_dict()
    del facts["fits"]
    assert profile_from_dict(facts) == PROFILE and PROFILE.fits is None and PROFILE.to_dict()["fits"] is None


@pytest.mark.parametrize("changes", [{"fits": {"fixed": {"loc": 0}}}, {"fits": 3}, {"measured_size": 3},
                                     {"measured_size": ["a", "b"]}])
def test_a_damaged_profile_is_refused(changes):
    with pytest.raises(DataError, match="damaged"):
        profile_from_dict(dict(PROFILE.to_dict(), **changes))


@pytest.mark.parametrize("facts", [{}, [], {"format": "1"}, {"format": 1, "loc": 0}])
def test_what_is_not_a_profile_is_refused(facts):
    with pytest.raises(DataError):
        profile_from_dict(facts)


def test_a_newer_format_is_refused_by_its_number():
    with pytest.raises(DataError, match="format 99"):
        profile_from_dict(dict(PROFILE.to_dict(), format=99))


def test_a_missing_or_damaged_file_is_one_line(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    for name in ("none.json", "bad.json"):
        with pytest.raises(DataError, match=name):
            load_profile(str(tmp_path / name))
