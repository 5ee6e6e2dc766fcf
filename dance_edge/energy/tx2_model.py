"""Joules of a Jetson TX2 from MACs, where there is no sensor. An estimate, and said so wherever it appears.

Fitted here, from what the paper published: its 12 baseline models in Tables 1-3 (DeepLabv3+, PSPNet, ICNet and
BiSeNet on Cityscapes, CamVid and BDD100K), whose "FLOPs" are MACs.
"""
from typing import Callable, NamedTuple, Tuple

import numpy as np

from dance_edge.energy.reading import MODEL_SOURCE, EnergyReading

INFERENCE_PAIRS = (  # (GMAC, J) an image
    (743.64, 41.32), (582.54, 30.99), (45.20, 6.51), (157.41, 9.93),
    (254.62, 20.19), (208.77, 14.64), (16.33, 4.21), (54.17, 6.77),
    (339.46, 27.67), (290.57, 19.37), (21.68, 5.17), (72.27, 7.94),
)
TRAINING_PAIRS = (  # (PMAC, MJ) a run
    (198.31, 45.21), (153.61, 35.16), (39.33, 10.82), (73.64, 18.40),
    (37.19, 7.30), (27.27, 4.71), (6.01, 1.78), (6.46, 2.72),
    (97.01, 17.74), (72.56, 11.82), (58.27, 15.73), (45.32, 7.48),
)
UNCOUNTED = "the network's MACs are not known, so that there is nothing to estimate from"


class Fit(NamedTuple):
    """joules = constant_j + per_mac_j * macs. `low` and `high` are the smallest and largest truth / prediction, each
    pair predicted from the others; `median` and `worst` are the errors of those predictions, as shares of the truth."""

    constant_j: float
    per_mac_j: float
    low: float
    high: float
    median: float
    worst: float
    macs_range: Tuple[float, float]

    def joules(self, macs: float) -> float:
        """The prediction for one image, or one run, of `macs` MACs."""
        return self.constant_j + self.per_mac_j * macs


def line(macs: np.ndarray, joules: np.ndarray) -> Tuple[float, float]:
    """(constant, slope) by least squares of the relative error: a small network counts as much as a large one."""
    rows = np.stack([np.ones_like(macs), macs], axis=1) / joules[:, None]
    constant, slope = np.linalg.lstsq(rows, np.ones_like(joules), rcond=None)[0]
    return float(constant), float(slope)


def through_origin(macs: np.ndarray, joules: np.ndarray) -> Tuple[float, float]:
    """(0, slope), likewise: a training run of no steps costs nothing, and a constant would swamp every short run."""
    ratio = macs / joules
    return 0.0, float(np.sum(ratio) / np.sum(ratio * ratio))


def fit(macs: np.ndarray, joules: np.ndarray, shape: Callable[[np.ndarray, np.ndarray], Tuple[float, float]]) -> Fit:
    """Fit `shape` (`line` or `through_origin`) to pairs, (N,) each, and predict each pair from the others."""
    ratios = []
    for left_out in range(macs.size):
        others = np.arange(macs.size) != left_out
        constant, slope = shape(macs[others], joules[others])
        ratios.append(joules[left_out] / (constant + slope * macs[left_out]))
    errors = np.abs(1.0 / np.array(ratios) - 1.0)
    constant, slope = shape(macs, joules)
    return Fit(constant, slope, min(ratios), max(ratios), float(np.median(errors)), float(np.max(errors)),
               (float(macs.min()), float(macs.max())))


def inference_fit() -> Fit:
    """Joules an image from MACs an image: about 3.74 J + 0.0524 J/GMAC."""
    pairs = np.array(INFERENCE_PAIRS)
    return fit(pairs[:, 0] * 1e9, pairs[:, 1], line)


def training_fit() -> Fit:
    """Joules of a training run from all its MACs: about 0.21 J/GMAC."""
    pairs = np.array(TRAINING_PAIRS)
    return fit(pairs[:, 0] * 1e15, pairs[:, 1] * 1e6, through_origin)


def inference_reading(macs: float, images: int, duration_s: float) -> EnergyReading:
    """What `images` images of `macs` MACs each (the mean, where sizes differ) would take on a TX2, estimated."""
    fitted = inference_fit()
    text = "%.2f J + %.4f J/GMAC an image" % (fitted.constant_j, fitted.per_mac_j * 1e9)
    return _reading(fitted, fitted.joules(macs) * images, duration_s, text + _outside(fitted, macs, 1e9, "GMAC"))


def training_reading(macs: float, duration_s: float) -> EnergyReading:
    """What a run of `macs` MACs in all (counted as the paper's training FLOPs) would take on a TX2, estimated."""
    fitted = training_fit()
    text = "%.3f J/GMAC" % (fitted.per_mac_j * 1e9)
    return _reading(fitted, fitted.joules(macs), duration_s, text + _outside(fitted, macs, 1e15, "PMAC"))


def _reading(fitted: Fit, joules: float, duration_s: float, text: str) -> EnergyReading:
    reason = "%s; leave-one-out error median %.0f %%, worst %.0f %%" % (
        text, 100 * fitted.median, 100 * fitted.worst)
    return EnergyReading(gross_j=joules, low_j=joules * fitted.low, high_j=joules * fitted.high,
                         duration_s=duration_s, source=MODEL_SOURCE, scope="TX2 module", reason=reason)


def _outside(fitted: Fit, macs: float, unit: float, name: str) -> str:
    low, high = fitted.macs_range
    if low <= macs <= high:
        return ""
    return " (%.3g %s lies outside the fitted %.3g to %.3g)" % (macs / unit, name, low / unit, high / unit)
