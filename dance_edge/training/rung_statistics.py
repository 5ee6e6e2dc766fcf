"""BatchNorm statistics of one rung alone: of the images that it serves, at the size at which it sees them."""
import copy
from typing import Dict, List, Sequence

import numpy as np
import torch
from torch import nn

from dance_edge.complexity.indicator import measure
from dance_edge.data.dataset import Record
from dance_edge.data.images import read_image
from dance_edge.data.transforms import to_input
from dance_edge.errors import CheckpointError
from dance_edge.events import Note, OnEvent, Progress
from dance_edge.manifest import Manifest
from dance_edge.size import Size, size_of
from dance_edge.training.recalibrate import MIXED_IMAGES, RECALIBRATION_IMAGES, recalibrate

RUNG_SHARE = 0.8  # of what the rung's own images say; the rest stays what all sizes have in common


def by_rung(records: Sequence[Record], manifest: Manifest, on_event: OnEvent) -> Dict[Size, List[Record]]:
    """Those of `records` that each rung would serve, by their p; `CheckpointError` without a profile."""
    if manifest.profile is None:
        raise CheckpointError("the model carries no profile, so that no image belongs to a rung",
                              "adapt it to a data set first")
    found: Dict[Size, List[Record]] = {rung.size: [] for rung in manifest.rungs}
    for done, record in enumerate(records):
        on_event(Progress("rungs", done, len(records)))
        image = read_image(record.image)
        p = manifest.profile.p(measure(image, manifest.profile.measured_size, manifest.profile.indicator))
        found.setdefault(manifest.ladder_for(size_of(image)).at(manifest.policy.ratio(p)), []).append(record)
    on_event(Progress("rungs", len(records), len(records)))
    return found


def of_rung(network: nn.Module, records: Sequence[Record], size: Size, manifest: Manifest,
            on_event: OnEvent) -> nn.Module:
    """A copy of `network` whose statistics come by four fifths from `records`, the rung's own images, seen at `size`.

    With fewer than `MIXED_IMAGES` it keeps what it has, and that is said: so few say nothing of a variance.
    """
    own = copy.deepcopy(network).cpu()
    if len(records) < MIXED_IMAGES:
        on_event(Note("%s keeps the common statistics: %d images of its own" % (size.hxw, len(records))))
        return own
    step = max(1, len(records) // RECALIBRATION_IMAGES)
    chosen = list(records[::step][:RECALIBRATION_IMAGES])
    batches = [chosen[i:i + MIXED_IMAGES] for i in range(0, len(chosen), MIXED_IMAGES)]
    inputs = (torch.from_numpy(np.stack([to_input(read_image(record.image), size, manifest.normalization)
                                         for record in batch])) for batch in batches if len(batch) > 1)
    used = recalibrate(own, inputs, RUNG_SHARE)
    on_event(Note("%s has statistics of %d images of its own" % (size.hxw, used)))
    return own
