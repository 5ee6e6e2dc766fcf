"""What a training run took, as the run itself reported it."""
import json
import os
from typing import Any, Dict, NamedTuple, Optional

from dance_edge.energy.reading import EnergyReading, reading_from_dict
from dance_edge.errors import DataError


class TrainingCost(NamedTuple):
    """Joules, images that were trained on, MACs (in 10^15) and seconds of a run; None where it is not known."""

    energy: EnergyReading
    images_seen: Optional[int]
    macs_p: Optional[float]
    duration_s: Optional[float]

    def to_dict(self) -> Dict[str, Any]:
        """The promised `training` object of `bench --json`."""
        return {"energy_j": self.energy.gross_j, "energy_source": self.energy.label, "images_seen": self.images_seen,
                "macs_p": self.macs_p, "duration_s": self.duration_s, "energy": self.energy.to_dict()}


def of_run(folder: Optional[str]) -> TrainingCost:
    """From RUN/report.json. A model that travels alone, or a run without a report, has no figures, and says so.

    `DataError` for a report that is damaged.
    """
    path = os.path.join(folder, "report.json") if folder else ""
    if not os.path.isfile(path):
        reason = "the run left no report" if folder else "a model without its run"
        return TrainingCost(EnergyReading(reason=reason), None, None, None)
    try:
        with open(path, encoding="utf-8") as file:
            report = json.load(file)
        energy = reading_from_dict(report.get("energy") or {"reason": "the report holds no joules"})
        return TrainingCost(energy, _whole(report.get("images_kept")), report.get("macs_p"), report.get("duration_s"))
    except (OSError, ValueError, TypeError, AttributeError) as reason:
        raise DataError("cannot read %s: %s" % (path, reason), "make it anew: dance-edge adapt --out %s" % folder)


def _whole(value: Any) -> Optional[int]:
    return None if value is None else int(value)
