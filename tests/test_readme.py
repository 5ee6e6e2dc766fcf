"""The code in README runs as it stands."""
import os
import re

import cv2
import numpy as np
import torch
from torch import nn

from dance_edge.data.dataset import require_labels
from dance_edge.data.layouts import open_dataset
from dance_edge.size import Size
from dance_edge.training.target import open_target

README = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "README.md")


def blocks():
    with open(README, encoding="utf-8") as file:
        return re.findall(r"^```python\n(.*?)^```", file.read(), re.M | re.S)


def block(channels, outputs):
    return nn.Sequential(nn.Conv2d(channels, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


class Own(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.backbone = block(3, 16)
        self.head = nn.Sequential(block(16, 64), nn.Conv2d(64, classes, 1))

    def forward(self, x):
        return self.head(self.backbone(x))


def test_dance_s_parts_go_into_a_loop_of_ones_own(small_set):
    code = [one for one in blocks() if "ChannelGraph" in one][0]
    lines = [line for line in code.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) < 15
    assert require_labels(open_dataset(small_set))
    target = open_target(small_set, "", "", None, lambda event: None)
    samples = [target.read(record) for record in target.train]
    sizes = set()

    def load(items, size):
        sizes.add(size)
        images = [cv2.resize(samples[i].image, size.cv2) for i in items]
        labels = [cv2.resize(samples[i].label, size.cv2, interpolation=cv2.INTER_NEAREST) for i in items]
        return (torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255.0,
                torch.from_numpy(np.stack(labels)).long())

    network = Own(len(target.classes.names))
    before = [one.clone() for one in network.backbone.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    facts = dict(images=[one.image for one in samples], size=Size(96, 160), stride=8, network=network, load=load,
                 optimizer=optimizer, steps=9)
    exec(code, facts)
    assert network.head[0][0].out_channels == 64 - 2 * 16 and network.backbone[0].out_channels == 16
    assert len(sizes) > 1 and facts["step"] == 9 and torch.isfinite(facts["loss"])
    assert not any(torch.equal(old, new) for old, new in zip(before, network.backbone.parameters()))
