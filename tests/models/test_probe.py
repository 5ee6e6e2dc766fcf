import torch
from torch import nn

from dance_edge.models.probe import probe
from dance_edge.size import Size


def test_every_layer_is_heard_and_nothing_is_moved():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Sequential(nn.ReLU()))
    network.train()
    network[1].eval()
    before = [value.clone() for value in network.state_dict().values()]
    heard = []
    probe(network, Size(8, 6), [network[0], network[1]], lambda layer, inputs, output: heard.append(
        (type(layer).__name__, tuple(inputs[0].shape), tuple(output.shape))))
    assert heard == [("Conv2d", (1, 3, 8, 6), (1, 4, 4, 3)), ("BatchNorm2d", (1, 4, 4, 3), (1, 4, 4, 3))]
    assert [module.training for module in network.modules()] == [True, True, False, True, True]
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values()))
    assert not network[0]._forward_hooks
