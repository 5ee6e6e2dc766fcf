"""Scores the way papers print them."""
import numpy as np
import pytest
import torch
from torch import nn

from dance_edge.errors import DeviceError
from dance_edge.models.deployed import Deployed
from dance_edge.runtime.torch_engine import open_torch
from dance_edge.size import Size
from dance_edge.training.evaluate import as_deployed
from dance_edge.training.field_score import from_logits


class Ramp(nn.Module):
    """Logits of one value each for the left and the right half, 8 : 1: their border lies right of the middle."""

    def forward(self, x):
        left = nn.functional.adaptive_avg_pool2d(x[:, :1], (1, 2))
        return torch.cat([left * 8.0, (1.0 - left)], 1)


def inputs():
    values = np.zeros((1, 3, 2, 4), np.float32)
    values[..., :2] = 1.0
    return values


def test_the_border_lies_between_the_networks_pixels():
    # logits 8 and 0 against 0 and 1: with x from centre to centre 8 (1 - x) = x at x = 8/9, of 36 pixels 18 apart
    labels = from_logits(Ramp(), "cpu")(inputs(), Size(2, 36))
    assert labels.shape == (2, 36) and labels.dtype == np.int32
    assert labels[0].tolist() == [0] * 25 + [1] * 11  # centres at 8.5 and 26.5: the border is at 24.5 and a little
    nearest = as_deployed(open_torch(Deployed(Ramp()), "cpu"))(inputs(), Size(2, 36))
    assert nearest[0].tolist() == [0] * 27 + [1] * 9


def test_the_network_is_in_eval_mode():
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1))
    from_logits(network, "cpu")(inputs(), Size(4, 8))
    assert not network.training and network[0].num_batches_tracked == 0
    with pytest.raises(DeviceError):
        from_logits(network, "no such device")
