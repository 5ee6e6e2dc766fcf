"""What serve and bench know of an ONNX file: from the manifest inside, or, where it carries none, from the user."""
import math
import os
import shlex
from typing import List, NamedTuple, Optional, Tuple

from dance_edge.cli.backend import manifest_in
from dance_edge.cli.options import ForeignFlags
from dance_edge.complexity.policy import SlimPolicy
from dance_edge.complexity.profile import load_profile
from dance_edge.data.folder import default_palette, read_classes
from dance_edge.data.label_maps import SETS
from dance_edge.data.labels import ClassSet, listed
from dance_edge.data.transforms import Normalization
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent
from dance_edge.manifest import METADATA_KEY, Manifest
from dance_edge.run import Run
from dance_edge.runtime.graph import Graph, Taken, check_input, only_size, take_output
from dance_edge.runtime.onnxruntime_engine import logit_channels, read_graph
from dance_edge.size import Size

STRIDE = 32
EXAMPLE = ForeignFlags("cityscapes19", "0.485,0.456,0.406", "0.229,0.224,0.225", "rgb")
Three = Tuple[float, float, float]


class Asked(NamedTuple):
    """What a command was told: the `flags` about the file, --profile, the rest of its line for a hint (`serve m.onnx
    --camera 0`), and what a graph of any size needs (`--profile`), "" where sizes are known without."""

    flags: ForeignFlags
    profile: Optional[str]
    line: str
    needs: str


def onnx_manifest(run: Run, asked: Asked, on_event: OnEvent) -> Optional[Manifest]:
    """The manifest of RUN's ONNX file, its own or by `asked`; None where RUN is a checkpoint.

    Errors: `CheckpointError` for a graph that takes or gives what cannot be served, `ConfigError` for flags that are
    lacking, contradict the file or cannot be, `DataError` for a classes.json or profile that cannot be read.
    """
    graph = read_graph(run.model_onnx) if run.model_onnx is not None else None
    if graph is not None and run.model_onnx is not None and METADATA_KEY not in graph.metadata:
        return _by_flags(run.model_onnx, graph, asked, on_event)
    if asked.flags.given():
        raise ConfigError("%s says itself what it is: %s would contradict it" % (run.path, _and(asked.flags.given())),
                          "leave %s out" % ("it" if len(asked.flags.given()) == 1 else "them"))
    return None if graph is None or run.model_onnx is None else manifest_in(run.model_onnx, graph.metadata)


def _by_flags(path: str, graph: Graph, asked: Asked, on_event: OnEvent) -> Manifest:
    size = only_size(path, check_input(path, graph.inputs))
    taken = take_output(path, graph.outputs)
    _ask_for_what_lacks(path, asked, size)
    flags = asked.flags
    if size is not None and flags.stride is not None:
        raise ConfigError("%s takes %s only: --stride would choose among sizes" % (path, size.wxh), "leave it out")
    classes, stride = class_set(flags.classes or ""), flags.stride or STRIDE
    normalization = Normalization(three("--mean", flags.mean or ""), three("--std", flags.std or ""),
                                  flags.channels or "")
    _check_channels(path, taken, size or Size(2 * stride, 2 * stride), classes)
    profile = load_profile(asked.profile) if asked.profile else None
    on_event(Note("%s carries no manifest: %d classes, %s in, %s out, %s" % (
        os.path.basename(path), len(classes.names), normalization.order, "logits" if taken.logits else "labels",
        "sides in steps of %d" % stride if size is None else "%s is its only size" % size.wxh)))
    if size is not None and profile is not None:
        on_event(Note("p is measured, and decides nothing: every image is seen at %s" % size.wxh))
    known = size or (profile.measured_size if profile is not None else Size(0, 0))  # else the images alone have one
    return Manifest(model="", classes=classes, normalization=normalization, stride=stride, profile=profile,
                    policy=SlimPolicy(), image_size=known, rungs=(), params=None, channels={},
                    output="logits" if taken.logits else "labels", provenance={"onnx": path}, only_size=size)


def _ask_for_what_lacks(path: str, asked: Asked, size: Optional[Size]) -> None:
    given = asked.flags._replace(stride=None)._asdict()
    lacks = ["--" + name for name in EXAMPLE._fields if name != "stride" and given[name] is None]
    if size is None and asked.needs and asked.profile is None:
        lacks.append(asked.needs)
    if not lacks:
        return
    words = ["dance-edge", asked.line]
    for name, value in asked.flags._asdict().items():
        value = value if value is not None else getattr(EXAMPLE, name)
        words += ["--" + name, shlex.quote(str(value))] if value is not None else []
    if asked.profile is not None or (size is None and asked.needs):
        words += ["--profile", shlex.quote(asked.profile or "profile.json")]
    remarks = ["an example: give the network's own values, of images in [0, 1]"] if lacks != [asked.needs] else []
    remarks += ["dance-edge scan VIDEO --out DIR makes a profile"] if asked.needs in lacks else []
    raise ConfigError("%s carries no manifest and lacks: %s" % (path, ", ".join(lacks)),
                      "%s (%s)" % (" ".join(words), "; ".join(remarks)))


def class_set(text: str) -> ClassSet:
    """The classes that --classes names: a known set, a classes.json, or names with commas between them.

    `ConfigError` for what is none of these, `DataError` for a file that does not hold classes.
    """
    if os.path.isfile(text) or text.endswith(".json"):
        return read_classes(text).classes or ClassSet((), ())
    if text in SETS:
        return SETS[text]
    names = tuple(name.strip() for name in text.split(","))
    if not 2 <= len(names) <= 254 or "" in names or len(set(names)) != len(names):
        raise ConfigError("--classes %r is no file, none of %s, and not 2 to 254 different names" % (
            text, ", ".join(sorted(SETS))), "give all names in the order of their ids: --classes road,car,sky")
    return ClassSet(names, default_palette(names))


def three(flag: str, text: str) -> Three:
    """Three numbers, 0 to 1, that `flag` (--mean, --std) gave; `ConfigError` for anything else."""
    try:
        values = [float(one) for one in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or not all(math.isfinite(one) for one in values):
        raise ConfigError("%s %r is not three numbers with commas between them" % (flag, text),
                          "as in %s %s" % (flag, EXAMPLE.mean if flag == "--mean" else EXAMPLE.std))
    if max(values) > 1:
        raise ConfigError("%s %s has a value above 1, as for images of 0 to 255; images in [0, 1] are meant"
                          % (flag, text), "divide by 255: %s %s, and %s likewise, a 1 too" % (
                              flag, ",".join("%.6g" % (one / 255.0) for one in values),
                              "--std" if flag == "--mean" else "--mean"))
    if min(values) < 0 or (flag == "--std" and min(values) == 0):
        raise ConfigError("%s %s has a value that %s" % (flag, text, "is not above 0" if flag == "--std"
                                                         else "is below 0"),
                          "give those that the network was trained with; none at all is --mean 0,0,0 --std 1,1,1")
    return (values[0], values[1], values[2])


def _check_channels(path: str, taken: Taken, size: Size, classes: ClassSet) -> None:
    if not taken.logits:
        return
    declared = taken.output.shape[1]
    channels = declared if isinstance(declared, int) else logit_channels(path, taken.output.name, size)
    if channels != len(classes.names):
        raise ConfigError("%s gives logits of %d classes (%s), --classes has %s"
                          % (path, channels, taken.output, listed(classes.names)),
                          "name all of its classes, background too, in the order of their ids")


def _and(names: List[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
