"""The field's way to score, for comparing with papers: logits brought to the label's size, and then the argmax."""
import numpy as np
import torch
from torch import nn

from dance_edge.models.deployed import full_logits
from dance_edge.runtime.torch_engine import ready
from dance_edge.size import Size
from dance_edge.training.evaluate import Predict


def from_logits(network: nn.Module, device: str = "auto") -> Predict:
    """How `evaluate` gets its labels from `network`, (N, 3, H, W) float32 to logits. METHOD: section Metrics.

    Class borders come out between the network's pixels, which labels brought up by nearest neighbour cannot have. No
    deployed graph does this: it would carry all logits at full size.
    """
    place = ready(network, device)

    def predict(inputs: np.ndarray, full: Size) -> np.ndarray:
        with torch.no_grad():
            logits = full_logits(network, torch.from_numpy(inputs).to(place), (full.height, full.width))
        return np.asarray(logits.argmax(dim=1)[0].cpu().numpy(), dtype=np.int32)
    return predict
