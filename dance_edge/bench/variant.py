"""A network to be measured, and one image's way through it, as deployed."""
from typing import NamedTuple, Optional, Tuple

import numpy as np

from dance_edge.complexity.ladder import fixed_size
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.images import read_image
from dance_edge.data.transforms import labels_to_size
from dance_edge.errors import ConfigError
from dance_edge.manifest import Manifest
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.outputs import class_ids
from dance_edge.size import Size, size_of


class Variant(NamedTuple):
    """With a `profile` every image runs at the size that its complexity gives, without one at its full size; with a
    `ratio` at that share of it, per side. A graph of one size runs at that, and is given no ratio.

    `opening_bytes` is what opening its engines took of memory at most, and what it kept; None: not known. `blind` is
    why the power sensor does not see its work, "" where it does: then it has no joules.
    """

    name: str
    engines: Engines
    manifest: Manifest
    profile: Optional[ComplexityProfile]
    opening_bytes: Tuple[Optional[int], Optional[int]] = (None, None)
    ratio: Optional[float] = None
    blind: str = ""


class Seen(NamedTuple):
    """Labels (H, W) uint8 at the image's own size, the size at which the network ran, and the full one."""

    labels: np.ndarray
    size: Size
    full: Size


def refuse_ratio(path: str, manifest: Manifest, ratio: Optional[float]) -> None:
    """`ConfigError` for one ratio of all images where the graph at `path` takes one size alone."""
    if ratio is not None and manifest.only_size is not None:
        raise ConfigError("%s takes %s only: @%g would choose among sizes" % (path, manifest.only_size.wxh, ratio),
                          "leave @%g out: --models %s" % (ratio, path))


def run_image(variant: Variant, path: str) -> Seen:
    """The image at `path`: decoding, complexity, resizing, the network, and the way back to the image's own size."""
    image = read_image(path)
    size, full = size_for(variant, image)
    labels = variant.engines.segment(image, size, variant.manifest.normalization)
    labels = labels_to_size(class_ids(labels, len(variant.manifest.classes.names)), size_of(image))
    return Seen(labels, size, full)


def size_for(variant: Variant, image: np.ndarray) -> Tuple[Size, Size]:
    """The size that the network runs at for `image` (H, W, 3) uint8, and the full one."""
    manifest = variant.manifest
    full = manifest.full_for(size_of(image))
    if variant.ratio is not None:
        return fixed_size(size_of(image), variant.ratio, manifest.stride), full
    if variant.profile is None:
        return full, full
    p = variant.profile.p(variant.engines.complexity(image, variant.profile.measured_size, variant.profile.indicator))
    return manifest.ladder_for(size_of(image)).at(manifest.policy.ratio(p)), full
