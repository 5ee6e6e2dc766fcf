"""Does the exported graph see what the model saw? Real images, every rung."""
from typing import Any, Dict, List, NamedTuple, Sequence

import numpy as np
import torch
from torch import nn

from dance_edge.data.dataset import Sample
from dance_edge.data.transforms import to_input
from dance_edge.errors import DeviceError, ExportError
from dance_edge.export.gate import Agreement, agreement
from dance_edge.export.to_onnx import LOGITS, carried, trace
from dance_edge.manifest import Manifest
from dance_edge.models.deployed import Deployed, full_logits
from dance_edge.runtime.engine import Engines
from dance_edge.size import Size

LOGIT_BOUND = 1e-4      # of the largest logit
LABEL_BOUND = 0.999     # of the pixels; what differs lies at ties


class RungParity(NamedTuple):
    """At one size over all images: `max_logit_error` as a share of the largest logit, and what came of it."""

    max_logit_error: float
    agreement: Agreement

    def to_dict(self) -> Dict[str, Any]:
        """The keys of `export --json`."""
        return dict(self.agreement.to_dict(), max_logit_error=self.max_logit_error)

    def broken(self) -> str:
        """In words what is further off than rounding explains; empty where nothing is."""
        if self.max_logit_error <= LOGIT_BOUND and self.agreement.label_agreement >= LABEL_BOUND:
            return ""
        return "the exported graph differs from the model at %s: logits by %.2g of the largest, labels on %.3f %% of " \
               "the pixels" % (self.agreement.size.wxh, self.max_logit_error,
                               100.0 * (1.0 - self.agreement.label_agreement))


def measure_parity(network: nn.Module, manifest: Manifest, engines: Engines, samples: Sequence[Sample],
                   opset: int, inside: bool = False) -> List[RungParity]:
    """Compare PyTorch on the CPU with onnxruntime at every rung of `manifest`.

    `engines` run the exported file; the images of `samples` are BGR uint8 (H, W, 3), and reach the file as its own
    manifest says: with the normalisation `inside` as pixels. Logits are compared on the same graph without its argmax.
    """
    images = [sample.image for sample in samples]
    logits_session = _session(trace(network, manifest, LOGITS, opset, inside))
    found = []
    for rung in manifest.rungs:
        inputs = torch.from_numpy(_inputs(images, rung.size, manifest))
        given = _inputs(images, rung.size, carried(manifest, inside))
        with torch.no_grad():
            wanted = full_logits(network.eval(), inputs).numpy()
            labels = Deployed(network).eval()(inputs).numpy()
        got = logits_session.run([LOGITS], {logits_session.get_inputs()[0].name: given})[0]
        error = float(np.max(np.abs(got - wanted)) / max(float(np.max(np.abs(wanted))), 1e-12))
        found.append(RungParity(error, agreement(rung.size, labels, engines.at(rung.size).labels(given),
                                                 [sample.label for sample in samples], len(manifest.classes.names))))
    return found


def check_parity(found: Sequence[RungParity], file: str) -> None:
    """`ExportError` where one of `found`, which is of `file`, is broken."""
    for one in found:
        if one.broken():
            raise ExportError("%s: %s" % (file, one.broken()),
                              "try another opset (--opset 11), or keep it all the same with --force")


def _inputs(images: Sequence[np.ndarray], size: Size, manifest: Manifest) -> np.ndarray:
    return np.stack([to_input(image, size, manifest.normalization) for image in images])


def _session(content: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise DeviceError("the parity check needs onnxruntime, which is not installed",
                          "pip install 'dance-edge[serve]'")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
