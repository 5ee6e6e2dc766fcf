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
