"""Which of several outputs is taken, and what is none."""
import pytest
import torch
from torch import nn

from dance_edge.errors import ConfigError
from dance_edge.models.deployed import full_logits, outputs_of
from dance_edge.models.outputs import taken_output


class Gives(nn.Module):
    def __init__(self, wrap, stride=1):
        super().__init__()
        self.wrap = wrap
        self.conv = nn.Conv2d(3, 4, 1, stride)

    def forward(self, x):
        return self.wrap(self.conv(x))


FEATURES = torch.zeros(1, 64, 4, 4)


@pytest.mark.parametrize("wrap, words", [
    (lambda y: y, ""), (lambda y: [y], ""), (lambda y: {"logits": y}, ""),
    (lambda y: (y, FEATURES), "a tuple of 2: the first"), (lambda y: [y, y, y], "a list of 3: the first"),
    (lambda y: {"aux": FEATURES, "out": y}, "aux, out: `out`"),
    (lambda y: {"logits": y, "x": 1}, "logits, x: `logits`")])
def test_every_form_gives_the_same_logits_and_is_said(wrap, words):
    network = Gives(wrap)
    found = taken_output(network, 4, 8)
    assert words in found if words else found == ""
    x = torch.rand(1, 3, 16, 16)
    assert torch.equal(full_logits(network, x), network.conv(x)) and network.training


@pytest.mark.parametrize("wrap, words", [
    (lambda y: y.mean(dim=(2, 3)), "shape"), (lambda y: y[:, :3], "1, 3, 16, 16"), (lambda y: {"b": y}, "dict of b"),
    (lambda y: "text", "str"), (lambda y: (y[0], y), "shape"), (lambda y: y.reshape(5, 5), "does not take")])
def test_what_gives_no_logits_is_refused(wrap, words):
    with pytest.raises(ConfigError, match=words):
        taken_output(Gives(wrap), 4, 8)


@pytest.mark.parametrize("error", [AssertionError, ValueError, RuntimeError])
def test_a_network_that_takes_other_sizes_says_so_in_its_own_way(error):
    def refuse(_logits):
        raise error("sides of 33")

    with pytest.raises(ConfigError, match="does not take an image of 16x16: sides of 33") as caught:
        taken_output(Gives(refuse), 4, 8)
    assert "`stride`" in caught.value.hint


@pytest.mark.parametrize("name, value", [("auxiliary_weights", 0.4), ("auxiliary_weights", ("a",)),
                                         ("multi_scale", True), ("multi_scale", "pyramid")])
def test_attributes_of_another_kind_are_refused_before_anything_depends_on_them(name, value):
    network = Gives(lambda y: y)
    setattr(network, name, value)
    with pytest.raises(ConfigError, match="attribute %s is" % name):
        taken_output(network, 4, 8)


def test_what_stands_beside_and_is_no_logits_never_trains():
    logits, auxiliary = torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 4, 4)
    found = outputs_of((logits, FEATURES, torch.zeros(1, 4), auxiliary, "text"))
    assert found[0] is logits and found[1] is auxiliary and len(found) == 2
