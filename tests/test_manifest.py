import json

import pytest

from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.labels import CAMVID11
from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import CheckpointError
from dance_edge.manifest import Manifest, Rung, manifest_from_dict
from dance_edge.size import Size

MANIFEST = Manifest(
    model="bisenet", classes=CAMVID11, normalization=IMAGENET, stride=32,
    profile=ComplexityProfile(0.05, 0.1, Size(360, 480), 367, 0.07, "camvid", "sobel"), policy=SlimPolicy(),
    image_size=Size(360, 480), rungs=(Rung(Size(192, 256), 0.5, 2e9), Rung(Size(352, 480), 1.0, 7e9)), params=13,
    channels={"output.conv.0": [128, 256, 1]}, provenance={"target": "camvid"})


def test_a_manifest_goes_through_json():
    assert manifest_from_dict(json.loads(json.dumps(MANIFEST.to_dict()))) == MANIFEST


def test_without_a_profile_too():
    assert manifest_from_dict(MANIFEST._replace(profile=None).to_dict()).profile is None


def test_what_is_not_known_of_a_foreign_graph_stays_so():
    foreign = MANIFEST._replace(profile=None, rungs=(), params=None, only_size=Size(512, 1024), output="logits")
    assert manifest_from_dict(json.loads(json.dumps(foreign.to_dict()))) == foreign
    assert foreign.known_macs_at(Size(512, 1024)) is None and MANIFEST.known_macs_at(Size(352, 480)) == 7e9


def test_a_graph_of_one_size_has_one_rung():
    only = Size(512, 1024)
    ladder = MANIFEST._replace(only_size=only).ladder_for(Size(360, 480))
    assert [ladder.at(ratio) for ratio in (0.5, 1.0)] == [only, only] and ladder.full == only
    assert MANIFEST._replace(only_size=only).full_for(Size(360, 480)) == only
    assert MANIFEST.full_for(Size(360, 480)) == Size(352, 480)


def test_an_older_file_has_no_only_size():
    facts = MANIFEST.to_dict()
    del facts["only_size"]
    assert manifest_from_dict(facts) == MANIFEST


def test_macs_of_a_size_that_is_no_rung_go_by_pixels():
    assert MANIFEST.macs_at(Size(352, 480)) == 7e9
    assert MANIFEST.macs_at(Size(704, 960)) == pytest.approx(28e9)
    assert MANIFEST.macs_at(Size(192, 128)) == pytest.approx(1e9)


def test_images_of_other_sizes_have_ladders_by_the_same_rule():
    assert MANIFEST.ladder_for(Size(480, 360)).full == Size(480, 352)


@pytest.mark.parametrize("facts", [None, {}, {"format": 1}, dict(MANIFEST.to_dict(), rungs=[{}]),
                                   dict(MANIFEST.to_dict(), stride="wide")])
def test_what_is_not_a_manifest_is_refused(facts):
    with pytest.raises(CheckpointError):
        manifest_from_dict(facts)


def test_a_newer_one_is_refused_by_its_number():
    with pytest.raises(CheckpointError, match="format 7"):
        manifest_from_dict(dict(MANIFEST.to_dict(), format=7))
