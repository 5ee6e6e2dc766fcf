"""The complexity-adaptive loss (CAL), DANCE Eq. 2."""
from typing import List, Sequence

import torch
from torch.nn import functional as F

from dance_edge.data.labels import VOID


def image_losses(logits: torch.Tensor, labels: torch.Tensor, class_weights: Sequence[float] = ()) -> torch.Tensor:
    """Mean cross-entropy of each image over its pixels that are not void, (N,); 0 for an image that is all void.

    `logits` (N, C, h, w) are brought to the labels' size; `labels` (N, H, W) int64. With `class_weights`, (C,), it is
    the weighted mean: a pixel counts as much as its class says, in the sum and in what the sum is divided by.
    """
    logits = F.interpolate(logits, size=labels.shape[1:], mode="bilinear", align_corners=False)
    pixels = F.cross_entropy(logits, labels, ignore_index=VOID, reduction="none")  # (N, H, W)
    if not class_weights:
        return pixels.sum(dim=(1, 2)) / (labels != VOID).sum(dim=(1, 2)).clamp(min=1)
    by_class = torch.tensor(tuple(class_weights) + (0.0,), dtype=pixels.dtype, device=pixels.device)
    counted = by_class[labels.masked_fill(labels == VOID, len(class_weights))]
    return (pixels * counted).sum(dim=(1, 2)) / counted.sum(dim=(1, 2)).clamp(min=1e-12)


def adaptive_loss(outputs: List[torch.Tensor], labels: torch.Tensor, weights: torch.Tensor,
                  normaliser: float, auxiliary_weights: Sequence[float] = (),
                  class_weights: Sequence[float] = ()) -> torch.Tensor:
    """Sum over outputs and images of weight * loss / normaliser, a scalar. Eq. 2.

    The first output counts whole, the others by `auxiliary_weights`, or as much where these end.

    `normaliser` is N * w: the images of the whole optimizer step times the mean weight that the plan expects of a
    kept image. Dividing by the batch's own sum of weights would cancel them, since a batch holds one size and so
    nearly one p. An image of weight 1 then pulls four times as hard as one of weight 0.25, on whatever rung.
    """
    shares = (1.0,) + tuple(auxiliary_weights) + (1.0,) * len(outputs)
    weighted = [share * (image_losses(logits, labels, class_weights) * weights).sum()
                for share, logits in zip(shares, outputs)]
    return torch.stack(weighted).sum() / max(normaliser, 1e-12)
