"""PyTorch to ONNX: one graph for all sizes, labels or logits out, the manifest inside."""
import json
import warnings
from typing import Any, Dict, List

import numpy as np
import torch
from torch import nn

from dance_edge.atomic import replace_file
from dance_edge.data.transforms import Normalization
from dance_edge.errors import ConfigError, ExportError
from dance_edge.export.constants import fold_constants
from dance_edge.export.operators import check_graph
from dance_edge.manifest import METADATA_KEY, Manifest
from dance_edge.models.deployed import Deployed, FullLogits

OPSETS = (11, 12, 13)  # TensorRT 8.2's parser stops at 13
DEFAULT_OPSET = 13
INPUT = "image"
LABELS, LOGITS = "labels", "logits"  # what a graph gives, and the name of its output


class FromPixels(nn.Module):
    """`network` behind its own normalisation: float32 (N, 3, H, W) pixels 0-255 in `normalization`'s channel order.

    The same operations in the same order as in `data.transforms.normalize`, and so the same numbers to the last bit.
    """

    def __init__(self, network: nn.Module, normalization: Normalization) -> None:
        super().__init__()
        self.network = network
        mean, std = (np.asarray(one, dtype=np.float32) for one in (normalization.mean, normalization.std))
        for name, values in (("scale", std * np.float32(255.0)), ("shift", mean / std)):
            # Not numpy's memory: torch 1.10's exporter keeps constants to the very end, where giving that back hangs.
            self.register_buffer(name, torch.tensor(values.tolist()).reshape(1, 3, 1, 1))

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.network(pixels / self.scale - self.shift)


def carried(manifest: Manifest, inside: bool) -> Manifest:
    """What the file says of itself. With the normalisation `inside` the graph takes pixels as they are: mean 0 and std
    1/255 are what makes `data.transforms` leave them so, and nobody who serves the file needs to know more."""
    if not inside:
        return manifest
    order = manifest.normalization.order
    return manifest._replace(normalization=Normalization((0.0, 0.0, 0.0), (1 / 255.0,) * 3, order))


def export_onnx(network: nn.Module, manifest: Manifest, path: str, opset: int = DEFAULT_OPSET,
                inside: bool = False) -> None:
    """Write `network`, float32 (N, 3, H, W) to what `manifest.output` says, with dynamic N, H and W, atomically.

    `labels` are int32 (N, H, W), `logits` float32 (N, C, H, W), both at the input's size. `inside`: normalise in the
    graph, by `manifest`. The file carries its manifest (`carried`) as metadata, so that it can be served alone.
    `ExportError` where the graph is not one that TensorRT 8.2 reads (`check_graph`).
    """
    if opset not in OPSETS:
        raise ConfigError("opset %d cannot be had" % opset, "take one of 11, 12 and 13")
    import onnx

    content = trace(network, manifest, manifest.output, opset, inside)
    model = onnx.load_model_from_string(content)
    if manifest.output == LOGITS:  # the exporter loses it behind a resize whose size is computed
        model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(manifest.classes.names)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(carried(manifest, inside).to_dict(), sort_keys=True)
    fold_constants(model)
    check_graph(model)
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def trace(network: nn.Module, manifest: Manifest, output: str, opset: int, inside: bool = False) -> bytes:
    """`network` as a serialised ONNX graph that gives `output`, traced in eval mode on the CPU at the smallest rung."""
    import io

    size = manifest.rungs[0].size
    module: nn.Module = FullLogits(network) if output == LOGITS else Deployed(network)
    module = FromPixels(module, manifest.normalization) if inside else module
    device = next(network.parameters()).device
    buffer = io.BytesIO()
    axes: Dict[str, Any] = {INPUT: {0: "batch", 2: "height", 3: "width"}, output: {0: "batch"}}
    axes[output].update({2: "height", 3: "width"} if output == LOGITS else {1: "height", 2: "width"})
    options: Dict[str, Any] = {"dynamo": False} if "dynamo" in _parameters() else {}
    module = module.cpu().eval()
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own future and of shapes that are meant
            torch.onnx.export(module, torch.zeros(1, 3, size.height, size.width), buffer, opset_version=opset,
                              input_names=[INPUT], output_names=[output], dynamic_axes=axes, **options)
    except RuntimeError as why:  # the exporter's own errors are its children
        raise ExportError("the model does not export: %s" % str(why).strip().splitlines()[0],
                          "an operation without an ONNX form at opset %d; try another opset, or change the model"
                          % opset)
    finally:
        module.to(device)
    return buffer.getvalue()


def _parameters() -> List[str]:
    import inspect

    return list(inspect.signature(torch.onnx.export).parameters)
