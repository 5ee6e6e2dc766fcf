"""Does the exported graph see what the model saw? Real images, every rung."""
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np
import torch
from torch import nn

from dance_edge.data.transforms import to_input
from dance_edge.errors import DeviceError, ExportError
from dance_edge.export.to_onnx import trace
from dance_edge.manifest import Manifest
from dance_edge.models.deployed import Deployed, FullLogits, full_logits
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size

LOGIT_BOUND = 1e-4      # of the largest logit
LABEL_BOUND = 0.999     # of the pixels; what differs lies at ties
LOGITS = "logits"


class RungParity(NamedTuple):
    """Agreement at one size over all images: `max_logit_error` as a share of the largest logit, labels 0-1."""

    size: Size
    max_logit_error: float
    label_agreement: float

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`."""
        return {"height": self.size.height, "width": self.size.width, "max_logit_error": self.max_logit_error,
                "label_agreement": self.label_agreement}


def check_parity(network: nn.Module, manifest: Manifest, engines: Engines, images: Sequence[np.ndarray],
                 opset: int) -> List[RungParity]:
    """Compare PyTorch on the CPU with onnxruntime at every rung of `manifest`.

    `engines` run the exported file; `images` are BGR uint8 (H, W, 3). Logits are compared on the same graph without
    its argmax. `ExportError` where either bound is broken.
    """
    logits_session = _session(trace(FullLogits(network), manifest, LOGITS, opset))
    found = []
    for rung in manifest.rungs:
        inputs = np.stack([to_input(image, rung.size, manifest.normalization) for image in images])
        with torch.no_grad():
            wanted = full_logits(network.eval(), torch.from_numpy(inputs)).numpy()
            labels = Deployed(network).eval()(torch.from_numpy(inputs)).numpy()
        got = logits_session.run([LOGITS], {logits_session.get_inputs()[0].name: inputs})[0]
        error = float(np.max(np.abs(got - wanted)) / max(float(np.max(np.abs(wanted))), 1e-12))
        agreement = float(np.mean(engines.at(rung.size).labels(inputs) == labels))
        found.append(RungParity(rung.size, error, agreement))
    for one in found:
        if one.max_logit_error > LOGIT_BOUND or one.label_agreement < LABEL_BOUND:
            raise ExportError("the exported graph differs from the model at %s: logits by %.2g of the largest, "
                              "labels on "
                              "%.3f %% of the pixels" % (one.size.wxh, one.max_logit_error,
                                                         100.0 * (1.0 - one.label_agreement)),
                              "try another opset (--opset 11); the file was not kept")
    return found


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise DeviceError("the parity check needs onnxruntime, which is not installed",
                          "pip install 'dance-edge[serve]'")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
