"""What a data set's, or a camera's, complexities look like: the facts that turn a complexity into p."""
import json
from typing import Any, Dict, NamedTuple, Optional

import numpy as np

from dance_edge.complexity import maxwell
from dance_edge.errors import DataError
from dance_edge.size import Size

FORMAT = 1


class ComplexityProfile(NamedTuple):
    """A fitted distribution of complexities. `measured_size` is the size that images were measured at.

    `loc`, `scale` and `ks_distance` are those of the better of both `fits`, which older profiles do not have.
    """

    loc: float
    scale: float
    measured_size: Size
    sample_count: int
    ks_distance: float
    dataset: str
    indicator: str
    fits: Optional[maxwell.Fits] = None

    def p(self, spatial_complexity: float) -> float:
        """The share of images simpler than this one, 0-1: the probability integral transform of DANCE 3.2."""
        return float(self.ranks(np.array([spatial_complexity]))[0])

    def ranks(self, complexities: np.ndarray) -> np.ndarray:
        """`p` of many at once, float64 of the shape of `complexities`."""
        return maxwell.cdf(complexities, self.loc, self.scale)

    def to_dict(self) -> Dict[str, Any]:
        """Numbers, strings, lists and dicts only."""
        fits = None if self.fits is None else dict(
            kept=self.fits.kept, fixed=dict(self.fits.fixed._asdict()), free=dict(self.fits.free._asdict()))
        return dict(self._asdict(), measured_size=list(self.measured_size), fits=fits, format=FORMAT)


def fit_profile(complexities: np.ndarray, measured_size: Size, dataset: str, indicator: str) -> ComplexityProfile:
    """Fit `complexities`, (N,), all measured at `measured_size`."""
    fits = maxwell.fit(complexities)
    return ComplexityProfile(fits.better.loc, fits.better.scale, measured_size, int(np.size(complexities)),
                             fits.better.ks_distance, dataset, indicator, fits)


def profile_from_dict(facts: Dict[str, Any]) -> ComplexityProfile:
    """The inverse of `to_dict`; `DataError` for what is not a profile or newer than this version."""
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise DataError("this is not a complexity profile", "make one with: dance-edge scan DATASET|VIDEO")
    if facts["format"] > FORMAT:
        raise DataError("the profile has format %d, this version reads up to %d" % (facts["format"], FORMAT),
                        "install a newer dance-edge")
    missing = [name for name in ComplexityProfile._fields if name != "fits" and name not in facts]
    if missing:
        raise DataError("the profile lacks " + ", ".join(missing), "make it anew with: dance-edge scan")
    values: Dict[str, Any] = {name: facts.get(name) for name in ComplexityProfile._fields}
    fits = facts.get("fits")
    try:
        values["measured_size"] = Size(*(int(side) for side in facts["measured_size"]))
        if fits is not None:
            values["fits"] = maxwell.Fits(maxwell.MaxwellFit(**fits["fixed"]), maxwell.MaxwellFit(**fits["free"]))
    except (KeyError, TypeError, ValueError) as reason:
        raise DataError("the profile is damaged: %s" % reason, "make it anew with: dance-edge scan")
    return ComplexityProfile(**values)


def load_profile(path: str) -> ComplexityProfile:
    """Read a profile.json; `DataError` where it is missing or not one."""
    try:
        with open(path, encoding="utf-8") as file:
            facts = json.load(file)
    except (OSError, ValueError) as reason:
        raise DataError("cannot read the profile %s: %s" % (path, reason),
                        "make one with: dance-edge scan DATASET|VIDEO")
    return profile_from_dict(facts)
