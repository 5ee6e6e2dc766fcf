"""PyTorch to ONNX: one graph for all sizes, labels out, the manifest inside."""
import json
import warnings
from typing import Any, Dict, List

import torch
from torch import nn

from dance_edge.atomic import replace_file
from dance_edge.errors import ConfigError, ExportError
from dance_edge.manifest import METADATA_KEY, Manifest
from dance_edge.models.deployed import Deployed

OPSETS = (11, 12, 13)  # TensorRT 8.2's parser stops at 13
DEFAULT_OPSET = 13
INPUT, OUTPUT = "image", "labels"


def export_onnx(network: nn.Module, manifest: Manifest, path: str, opset: int = DEFAULT_OPSET) -> None:
    """Write `network`, float32 (N, 3, H, W) to int32 labels (N, H, W), with dynamic N, H and W, atomically.

    The file carries `manifest` as metadata, so that it can be served alone. `ExportError` where the graph does not
    pass onnx's checker.
    """
    if opset not in OPSETS:
        raise ConfigError("opset %d cannot be had" % opset, "take one of 11, 12 and 13")
    import onnx

    content = trace(Deployed(network), manifest, OUTPUT, opset)
    model = onnx.load_model_from_string(content)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, json.dumps(manifest.to_dict(), sort_keys=True)
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as reason:
        raise ExportError("the exported graph is not valid ONNX: %s" % str(reason).splitlines()[0],
                          "report it with the model's definition")
    with replace_file(path) as file:
        file.write(model.SerializeToString())


def trace(module: nn.Module, manifest: Manifest, output: str, opset: int) -> bytes:
    """`module` as a serialised ONNX graph, traced in eval mode on the CPU at the smallest rung."""
    import io

    size = manifest.rungs[0].size
    device = next(module.parameters()).device
    buffer = io.BytesIO()
    axes: Dict[str, Any] = {INPUT: {0: "batch", 2: "height", 3: "width"}, output: {0: "batch"}}
    axes[output].update({1: "height", 2: "width"} if output == OUTPUT else {2: "height", 3: "width"})
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
