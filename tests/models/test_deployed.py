import pytest
import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.deployed import Deployed, full_logits, outputs_of


class Half(nn.Module):
    """Logits at half the size: class 1 where the left neighbour block is bright."""

    def forward(self, x):
        mean = nn.functional.avg_pool2d(x[:, :1], 2)
        return torch.cat([0.5 - mean, mean - 0.5], 1)


def test_labels_are_argmax_of_bilinear_logits_at_the_inputs_size():
    x = torch.zeros(1, 3, 4, 8)
    x[..., 4:] = 1
    labels = Deployed(Half())(x)
    assert labels.dtype == torch.int32 and labels.tolist() == [[[0, 0, 0, 0, 1, 1, 1, 1]] * 4]
    assert full_logits(Half(), x)[0, 1, 0].tolist() == pytest.approx([-.5, -.5, -.5, -.25, .25, .5, .5, .5])


def test_logits_at_another_size_come_straight_from_the_network():
    x = torch.zeros(1, 3, 4, 8)
    x[..., 4:] = 1
    wide = full_logits(Half(), x, (4, 16))[0, 1, 0].tolist()  # 4 logits to 16 pixels: a step of 1/4 between centres
    assert wide == pytest.approx([-.5] * 6 + [-.375, -.125, .125, .375] + [.5] * 6)


def test_the_main_output_of_every_form():
    a, b = torch.zeros(1, 2, 3, 3), torch.ones(1, 2, 3, 3)
    assert outputs_of(a)[0] is a
    assert outputs_of((a, b))[0] is a and len(outputs_of([a, b])) == 2
    assert outputs_of({"aux": b, "out": a})[0] is a and outputs_of({"logits": a})[0] is a


@pytest.mark.parametrize("wrong", [None, "labels", {}, {"aux": torch.zeros(1)}, []])
def test_what_is_no_logits_is_refused(wrong):
    with pytest.raises(ConfigError):
        outputs_of(wrong)
