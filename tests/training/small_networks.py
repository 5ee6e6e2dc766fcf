"""Networks of a few thousand weights, as a user would bring them: for runs whose point is not the network."""
import time

import torch
from torch import nn


def block(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Small(nn.Module):
    """A backbone at a quarter, a head of two branches; in training it draws random numbers."""

    stride = 8
    multi_scale = ("pyramid",)

    def __init__(self, num_classes):
        super().__init__()
        self.backbone = nn.Sequential(block(3, 16, 2), block(16, 32, 2))
        self.pyramid = nn.ModuleList([block(32, 32), block(32, 32)])
        self.drop = nn.Dropout(0.2)
        self.join = block(64, 32)
        self.out = nn.Conv2d(32, num_classes, 1)

    def forward(self, x):
        x = self.backbone(x)
        return self.out(self.join(self.drop(torch.cat([branch(x) for branch in self.pyramid], 1))))


def make(num_classes):
    return Small(num_classes)


def every_other(num_classes, gamma, beta):
    network = Small(num_classes)
    network.drop.p = 0.0
    for norm in (network.pyramid[0][1], network.pyramid[1][1], network.join[1]):
        norm.weight.data[::2] = gamma
        norm.bias.data[::2] = beta
    return network


def steady(num_classes):
    """Draws nothing, and no two channels are equally important."""
    network = Small(num_classes)
    network.drop.p = 0.0
    for norm in (one for one in network.modules() if isinstance(one, nn.BatchNorm2d)):
        norm.weight.data.copy_(torch.linspace(0.5, 1.5, len(norm.weight)))
    return network


def zeros(num_classes):
    return every_other(num_classes, 0.0, 0.0)


def constants(num_classes):
    return every_other(num_classes, 1e-6, 2.0)


def frozen(num_classes):
    network = Small(num_classes)
    nn.init.constant_(network.backbone[0][0].weight, 0.05)
    network.backbone.requires_grad_(False)
    return network


class Shuffled(Small):
    def forward(self, x):
        x = self.backbone(x)
        x = torch.cat([branch(x) for branch in self.pyramid], 1)
        n, c, h, w = x.shape
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)
        return self.out(self.join(x))


def shuffled(num_classes):
    return Shuffled(num_classes)


class Hungry(Small):
    """Asks for more memory than there is where more than `most` pixels are trained on at once."""

    most = 0

    def forward(self, x):
        if self.join[1].training and torch.is_grad_enabled() and x.shape[0] * x.shape[2] * x.shape[3] > self.most:
            torch.empty(2 ** 50)
        return super().forward(x)


def hungry_for_two(num_classes):
    """Two images of 96x160 fit, three do not."""
    network = Hungry(num_classes)
    network.most = 2 * 96 * 160
    return network


def hungry_for_half(num_classes):
    """Not one image of 96x160 fits, one of half its pixels does."""
    network = Hungry(num_classes)
    network.most = 96 * 160 // 2
    return network


class Slow(Small):
    """Fast while it is tried out, a tenth of a second a step from then on."""

    passes = 0

    def forward(self, x):
        Slow.passes += self.training and torch.is_grad_enabled() and x.shape[0] > 2
        time.sleep(0.1 if Slow.passes > 2 and self.training else 0.0)
        return super().forward(x)


def hungry(num_classes):
    return Hungry(num_classes)


def slow(num_classes):
    Slow.passes = 0
    return Slow(num_classes)
