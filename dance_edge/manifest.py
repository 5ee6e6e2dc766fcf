"""The facts that travel with a model: what it knows, what it expects, at which sizes it runs."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dance_edge.complexity.ladder import Ladder, build_ladder, fixed_size
from dance_edge.complexity.policy import SlimPolicy, policy_from_dict
from dance_edge.complexity.profile import ComplexityProfile, profile_from_dict
from dance_edge.data.labels import ClassSet
from dance_edge.data.transforms import Normalization, normalization_from_dict
from dance_edge.errors import CheckpointError
from dance_edge.size import Size

FORMAT = 1
METADATA_KEY = "dance_edge"  # the ONNX file's metadata entry that holds the manifest as JSON


class Rung(NamedTuple):
    """One size of the ladder: `ratio` per side, multiply-accumulates of one image at that size."""

    size: Size
    ratio: float
    macs: float


class Manifest(NamedTuple):
    """Everything a job must know about a model beside its weights.

    `model` is a name of the catalogue or a user's `module:factory`, `backbone` and `output_stride` what it was built
    with ("" and 0: the model's own); `channels` holds [out, in, groups] of every pruned layer; `output` says what the
    exported graph gives (`labels` int32 or `logits` float32, at the input's size).

    Of a graph that is not ours `rungs` are empty and `params` None, since nobody has counted; where it takes one size
    alone, that is `only_size`. `rung_files` names the files that some rungs ("HxW") have of their own, beside this one.
    """

    model: str
    classes: ClassSet
    normalization: Normalization
    stride: int
    profile: Optional[ComplexityProfile]
    policy: SlimPolicy
    image_size: Size
    rungs: Tuple[Rung, ...]
    params: Optional[int]
    channels: Dict[str, List[int]]
    scope: str = "head"
    output: str = "labels"
    resize: str = "bilinear"
    weights_sha256: str = ""
    provenance: Dict[str, str] = {}
    backbone: str = ""
    output_stride: int = 0
    only_size: Optional[Size] = None
    rung_files: Dict[str, str] = {}

    def ladder_for(self, image: Size) -> Ladder:
        """The sizes for images of size `image`: those of the manifest for its own, else built by the same rule."""
        if self.only_size is not None:
            return Ladder(image, (self.only_size,), (1.0,))
        return build_ladder(image, self.stride, self.policy.ratio_range)

    def full_for(self, image: Size) -> Size:
        """The size at which images of size `image` are seen in full."""
        return self.only_size or fixed_size(image, 1.0, self.stride)

    def known_macs_at(self, size: Size) -> Optional[float]:
        """As `macs_at`; None where nobody has counted."""
        return self.macs_at(size) if self.rungs else None

    def macs_at(self, size: Size) -> float:
        """Multiply-accumulates of one image at `size`: counted for the rungs, by pixels between and beyond them."""
        for rung in self.rungs:
            if rung.size == size:
                return rung.macs
        nearest = min(self.rungs, key=lambda rung: abs(rung.size.pixels - size.pixels))
        return nearest.macs * size.pixels / nearest.size.pixels

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, strings, lists and dicts only, so that it goes into JSON and into a checkpoint alike."""
        return dict(
            self._asdict(), format=FORMAT,
            classes={"names": list(self.classes.names), "palette": [list(color) for color in self.classes.palette]},
            normalization=self.normalization.to_dict(),
            profile=self.profile.to_dict() if self.profile else None,
            policy=self.policy.to_dict(),
            image_size=list(self.image_size),
            rungs=[{"size": list(rung.size), "ratio": rung.ratio, "macs": rung.macs} for rung in self.rungs],
            ladder=[rung.size.hxw for rung in self.rungs],
            only_size=list(self.only_size) if self.only_size else None,
            rung_files=dict(self.rung_files),
            channels={name: list(widths) for name, widths in self.channels.items()},
            provenance=dict(self.provenance))


def manifest_from_dict(facts: Dict[str, Any]) -> Manifest:
    """The inverse of `to_dict`; `CheckpointError` for what is not a manifest or newer than this version."""
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise CheckpointError("the model carries no manifest of dance-edge", "take a model that adapt or export wrote")
    if facts["format"] > FORMAT:
        raise CheckpointError("the manifest has format %d, this version reads up to %d" % (facts["format"], FORMAT),
                              "install a newer dance-edge")
    try:
        return _read(facts)
    except (KeyError, TypeError, ValueError, IndexError) as reason:
        raise CheckpointError("the manifest is damaged: %s" % reason, "take a model that adapt or export wrote")


def _read(facts: Dict[str, Any]) -> Manifest:
    classes = facts["classes"]
    palette = tuple((int(color[0]), int(color[1]), int(color[2])) for color in classes["palette"])
    only_size = facts.get("only_size")
    return Manifest(
        model=str(facts["model"]),
        classes=ClassSet(tuple(str(name) for name in classes["names"]), palette),
        normalization=normalization_from_dict(facts["normalization"]),
        stride=int(facts["stride"]),
        profile=profile_from_dict(facts["profile"]) if facts["profile"] else None,
        policy=policy_from_dict(facts["policy"]),
        image_size=Size(*(int(side) for side in facts["image_size"])),
        rungs=tuple(Rung(Size(*(int(side) for side in rung["size"])), float(rung["ratio"]), float(rung["macs"]))
                    for rung in facts["rungs"]),
        params=None if facts["params"] is None else int(facts["params"]),
        channels={str(name): [int(width) for width in widths] for name, widths in facts["channels"].items()},
        scope=str(facts["scope"]),
        output=str(facts["output"]), resize=str(facts["resize"]),
        weights_sha256=str(facts["weights_sha256"]),
        provenance={str(key): str(value) for key, value in facts["provenance"].items()},
        backbone=str(facts.get("backbone", "")), output_stride=int(facts.get("output_stride", 0)),
        only_size=Size(*(int(side) for side in only_size)) if only_size else None,
        rung_files={str(size): str(name) for size, name in facts.get("rung_files", {}).items()})
