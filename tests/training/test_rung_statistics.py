"""Statistics of one rung: of its own images, as it sees them."""
import cv2
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.dataset import Record
from dance_edge.errors import CheckpointError
from dance_edge.events import ignore
from dance_edge.size import Size
from dance_edge.training.rung_statistics import by_rung, of_rung

FLAT, BUSY = Size(64, 96), Size(128, 192)


@pytest.fixture
def records(tmp_path):
    """Ten flat images of gray 50 and ten of noise about 128, in turn."""
    found = []
    for i in range(20):
        noise = np.random.RandomState(i).randint(0, 256, (128, 192, 3)).astype(np.uint8)
        path = str(tmp_path / ("%02d.png" % i))
        cv2.imwrite(path, noise if i % 2 else np.full((128, 192, 3), 50, dtype=np.uint8))
        found.append(Record("%02d" % i, path, None, ""))
    return found


@pytest.fixture
def manifest(switch_manifest):
    return switch_manifest()


def test_every_image_belongs_to_the_rung_that_would_serve_it(records, manifest):
    found = by_rung(records, manifest, ignore)
    assert [record.key for record in found[FLAT]] == ["%02d" % i for i in range(0, 20, 2)]
    assert [record.key for record in found[BUSY]] == ["%02d" % i for i in range(1, 20, 2)]
    assert set(found) == {rung.size for rung in manifest.rungs}


def test_four_fifths_come_from_the_rungs_own_images(records, manifest):
    network = nn.Sequential(nn.BatchNorm2d(3))
    network[0].running_mean.fill_(1.0)
    network[0].num_batches_tracked.fill_(1000)
    own = of_rung(network, records[::2], FLAT, manifest, ignore)
    level = (50 / 255.0 - torch.tensor(manifest.normalization.mean)) / torch.tensor(manifest.normalization.std)
    assert torch.allclose(own[0].running_mean, 0.8 * level + 0.2, atol=1e-5)
    assert torch.all(network[0].running_mean == 1.0)  # the common ones stay


def test_too_few_images_change_nothing(records, manifest):
    network, said = nn.Sequential(nn.BatchNorm2d(3)), []
    own = of_rung(network, records[:7], FLAT, manifest, said.append)
    assert torch.equal(own[0].running_mean, network[0].running_mean) and "7 images of its own" in said[0].text


def test_without_a_profile_no_image_belongs_anywhere(records, manifest):
    with pytest.raises(CheckpointError, match="no profile"):
        by_rung(records, manifest._replace(profile=None), ignore)


def test_the_profile_decides(records, manifest):
    low = ComplexityProfile(0.0, 1e6, manifest.profile.measured_size, 10, 0.0, "all is flat", "sobel")
    assert len(by_rung(records, manifest._replace(profile=low), ignore)[FLAT]) == 20
