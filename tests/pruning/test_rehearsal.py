import torch
from torch import nn

from dance_edge.pruning.rehearsal import rehearsal, training_forward


def test_a_rehearsal_leaves_modes_statistics_and_random_numbers():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(0.5),
                            nn.InstanceNorm2d(4, track_running_stats=True))
    network[1].eval()
    modes = [module.training for module in network.modules()]
    before = [tensor.clone() for tensor in network.state_dict().values()]
    random = torch.get_rng_state()
    images = torch.ones(2, 3, 4, 4)
    with rehearsal(network):
        one, other = (training_forward(network, images + torch.rand(1) * 0)[0] for _ in range(2))
        assert torch.equal(one, other)  # dropout is held still
        assert network.training and not network[2].training
    assert modes == [module.training for module in network.modules()] and torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values()))
