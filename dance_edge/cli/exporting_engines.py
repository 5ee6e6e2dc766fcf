"""From an ONNX file to TensorRT's engines, compared; and what is known of a file that was not written just now."""
import os
from typing import Any, Dict, List, NamedTuple, Tuple

from dance_edge.cli.exporting import in_words
from dance_edge.data.dataset import Sample
from dance_edge.events import Note, OnEvent, ignore

UNKNOWN = ("max_logit_error", "label_agreement", "miou_before", "miou_after", "miou_change")


class Engined(NamedTuple):
    """The engines of one ONNX file with their parity by rung; as in `exporting.Exported`."""

    place: str
    rungs: List[Dict[str, Any]]
    why_not: Tuple[str, ...]
    forced: bool

    def to_dict(self) -> Dict[str, Any]:
        """The key of `export --json`."""
        return {"engines": {"place": self.place, "rungs": self.rungs}}

    def line(self) -> str:
        """For people."""
        return "%d engines, %s" % (len(self.rungs), self.place)

    def parity(self) -> Dict[str, Any]:
        """What run.json keeps."""
        return {"place": self.place, "rungs": self.rungs, "why_not": list(self.why_not), "forced": self.forced}


def build_engines(onnx: str, samples: List[Sample], precision: str, force: bool, on_event: OnEvent) -> Engined:
    """TensorRT's engines of the file `onnx` at every rung, compared with ONNX Runtime on `samples`."""
    from dance_edge.cli.backend import manifest_of_onnx, rung_files
    from dance_edge.export.gate import Side, compare
    from dance_edge.runtime.onnxruntime_engine import open_onnxruntime
    from dance_edge.runtime.tensorrt_engine import open_tensorrt

    manifest = manifest_of_onnx(onnx)
    files = rung_files(onnx, on_event)
    with open_tensorrt(onnx, precision, on_event, files) as engines:
        engines.prepare([rung.size for rung in manifest.rungs])
        reference = open_onnxruntime(onnx, ignore, files)
        found = compare(Side(reference, manifest), Side(engines, manifest), samples, on_event)
        place = engines.place
    on_event(Note("parity with ONNX Runtime on %d images at %d sizes: %s" % (len(samples), len(found),
                                                                            in_words(found))))
    rungs = [dict(one.to_dict(), file=os.path.basename(files.get(one.size, onnx))) for one in found]
    return Engined(place, rungs, tuple(filter(None, [one.why_not() for one in found])), force)


def facts_of_onnx(onnx: str) -> Dict[str, Any]:
    """The keys of `export --json` for a file that was here before: what it says itself. How well it agrees with the
    model that it was made of is not known here, and null."""
    from dance_edge.cli.backend import manifest_of_onnx, rung_files
    from dance_edge.export.opset import opset_of

    manifest = manifest_of_onnx(onnx)
    files = rung_files(onnx, ignore)  # what is amiss with them is said where they are opened
    rungs = [dict(dict.fromkeys(UNKNOWN), height=rung.size.height, width=rung.size.width,
                  file=os.path.basename(files.get(rung.size, onnx))) for rung in manifest.rungs]
    takes_pixels = manifest.normalization.mean == (0.0,) * 3 and manifest.normalization.std == (1 / 255.0,) * 3
    return {"path": onnx, "opset": opset_of(onnx), "output": manifest.output, "bytes": os.path.getsize(onnx),
            "normalization": "inside" if takes_pixels else "outside", "rungs": rungs, "common": None}
