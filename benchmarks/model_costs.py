"""Multiply-accumulates and weights of every network, beside what the paper says: python benchmarks/model_costs.py"""
from typing import Any, Tuple

from torch import nn

from dance_edge.models.catalog import MODELS, build
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.size import Size

CLASSES = 19
PATCH = Size(224, 224)         # section 3.3
CITYSCAPES = Size(1024, 2048)  # Table 1 ("1048 x 2048" in the text)
CAMVID = Size(720, 960)        # Table 2
BDD = Size(720, 1280)          # Table 3
PAPER_GMACS = {                # of the base models, "Infer. (G)"
    "deeplabv3plus": (743.64, 254.62, 339.46),
    "pspnet": (582.54, 208.77, 290.57),
    "icnet": (45.20, 16.33, 21.68),
    "bisenet": (157.41, 54.17, 72.27),
}


def cost_of(network: nn.Module) -> Tuple[float, float]:
    """(a, b): the network costs a * pixels + b multiply-accumulates.

    Exact where the sides are multiples of 32 (720 is not: its rows are counted as if feature maps had half rows), since
    feature maps grow with the image and pooled ones do not. So two small images tell the cost of a large one.
    """
    small, large = Size(64, 64), Size(64, 128)
    by_pixel = (count_macs(network, large) - count_macs(network, small)) / (large.pixels - small.pixels)
    return by_pixel, count_macs(network, small) - by_pixel * small.pixels


class Backbone(nn.Module):
    """What of a network is its backbone, so that the rest can be told: at the size of the image."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, x: Any) -> Any:
        return self.backbone(x)[-1]


def print_row(name: str, network: nn.Module, paper: Tuple[float, ...] = ()) -> None:
    by_pixel, constant = cost_of(network)
    cells = ["%-34s %8.2f M" % (name, count_params(network) / 1e6)]
    for i, size in enumerate((CITYSCAPES, CAMVID, BDD)):
        cells.append("%9.2f (%s)" % ((by_pixel * size.pixels + constant) / 1e9,
                                     "%6.2f" % paper[i] if paper else "     -"))
    print(" ".join(cells))


def main() -> None:
    print("%-34s %10s %18s %18s %18s" % ("GMAC (the paper's), %d classes" % CLASSES, "weights", "1024x2048", "720x960",
                                         "720x1280"))
    for name, entry in MODELS.items():
        print_row(name, build(name, CLASSES), PAPER_GMACS[name])
        for output_stride in entry.output_strides[1:]:
            print_row("%s, output stride %d" % (name, output_stride), build(name, CLASSES, "", output_stride))
        if "efficientnet_lite0" in entry.backbones:
            print_row("%s, efficientnet_lite0" % name, build(name, CLASSES, "efficientnet_lite0"))
    network = build("deeplabv3plus", CLASSES)
    total, backbone = count_macs(network, PATCH), count_macs(Backbone(network.backbone), PATCH)
    print("deeplabv3plus at 224x224: %.2f GMAC, %.2f %% of it in the head (the paper: 13.3 GMAC, 52.98 %%)" % (
        total / 1e9, 100.0 * (1.0 - backbone / total)))


if __name__ == "__main__":
    main()
