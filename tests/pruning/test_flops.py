import torch
from torch import nn

from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.size import Size


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.bn = nn.BatchNorm2d(4)

    def forward(self, x):
        return self.bn(self.up(self.depthwise(self.conv(x))))


def test_macs_by_hand():
    # 3 x 3 kernels: 3*8*9 at 8x16 outputs, 8*9 at 8x16; the transposed one 8*4*4 at its 8x16 inputs
    assert count_macs(Small(), Size(16, 32)) == (3 * 8 * 9 + 8 * 9 + 8 * 4 * 4) * 8 * 16


def test_counting_leaves_mode_and_statistics_alone():
    network = Small().train()
    network.conv.eval()
    before = [tensor.clone() for tensor in network.state_dict().values()]
    count_macs(network, Size(16, 16))
    assert network.training and not network.conv.training
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values()))


def test_params():
    assert count_params(Small()) == 3 * 8 * 9 + (8 * 9 + 8) + (8 * 4 * 4 + 4) + 8
