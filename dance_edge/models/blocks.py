"""What the networks share: the convolution block, pooling and resizing in forms that export, the first weights."""
import torch
from torch import nn
from torch.nn import functional as F

LOGIT_STD = 0.01  # of a classifier's first weights


class ConvBlock(nn.Sequential):
    """Convolution, BatchNorm, ReLU; keeps the size at stride 1."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, bias=False),
                         nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class OutputHead(nn.Module):
    """Features to logits at the features' size."""

    def __init__(self, inputs: int, width: int, num_classes: int) -> None:
        super().__init__()
        self.conv = ConvBlock(inputs, width)
        self.classifier = nn.Conv2d(width, num_classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.classifier(self.conv(x))
        return result


def pooled(x: torch.Tensor) -> torch.Tensor:
    """Mean over the image, (N, C, H, W) to (N, C, 1, 1); a reduction, which exports with dynamic axes."""
    return x.mean(dim=(2, 3), keepdim=True)


def resized(x: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """`x` (N, C, h, w) at the height and width of `like`, bilinear with half-pixel centres."""
    result: torch.Tensor = F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
    return result


def bin_weights(length: int, bins: int, like: torch.Tensor) -> torch.Tensor:
    """(bins, length): row i averages the cells of bin i, the bins being those of PyTorch's adaptive pooling.

    Bin i of n holds the cells j that reach into the i-th n-th of the length: i * length < n * (j + 1) and
    n * j < (i + 1) * length. All four are whole numbers, so the lesser of the two differences is at least 1 inside and
    at most 0 outside. Dtype and device are those of `like`.
    """
    cell = torch.arange(length, device=like.device).to(like.dtype)
    one = torch.arange(bins, device=like.device).to(like.dtype).unsqueeze(1)
    inside = torch.min(bins * (cell + 1) - one * length, (one + 1) * length - bins * cell).clamp(0, 1)
    weights: torch.Tensor = inside / inside.sum(dim=1, keepdim=True)
    return weights


def bin_means(x: torch.Tensor, bins: int) -> torch.Tensor:
    """What `adaptive_avg_pool2d(x, bins)` gives, (N, C, H, W) to (N, C, bins, bins), at any H and W.

    Adaptive pooling has no ONNX form where H and W are dynamic. The mean over a bin is linear and separable, hence two
    matrix products, with weights that follow from the shape by plain arithmetic: opset 11 and 13, TensorRT 8.2.
    """
    if bins == 1:
        return pooled(x)
    across = torch.matmul(x, bin_weights(x.shape[3], bins, x).t())  # (N, C, H, bins)
    return torch.matmul(bin_weights(x.shape[2], bins, x), across)


def init_convolutions(network: nn.Module) -> None:
    """He's initialization (He et al. 2015) of every convolution, by what its output has to carry back.

    Those with a bias give logits: small ones, so that training begins at the loss of chance, log(classes). He's rule
    would have them carry the errors of a handful of classes back into hundreds of channels: logits of 3 to 6, a loss
    several times that of chance, and a first step that is as much too long.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.normal_(module.weight, std=LOGIT_STD)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
            # PyTorch counts the fan-out as if every output saw every input: a depthwise one's fan-in is its fan-out
            mode = "fan_in" if module.groups > 1 else "fan_out"
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
