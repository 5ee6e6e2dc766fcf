"""The Maxwell-Boltzmann distribution that spatial complexities are fitted with (DANCE section 3.2, Fig. 3)."""
import math
from typing import NamedTuple, Tuple

import numpy as np

_erf = np.vectorize(math.erf, otypes=[np.float64])


class MaxwellFit(NamedTuple):
    """Location and scale in units of complexity; `ks_distance` is the largest gap to the empirical CDF, 0-1."""

    loc: float
    scale: float
    ks_distance: float


class Fits(NamedTuple):
    """The same samples fitted in both ways: with location 0 (`fixed`), as a Maxwell distribution has it, and `free`."""

    fixed: MaxwellFit
    free: MaxwellFit

    @property
    def kept(self) -> str:
        """`fixed` or `free`: the one nearer to the samples, by KS distance; location 0 where both are as near."""
        return "fixed" if self.fixed.ks_distance <= self.free.ks_distance else "free"

    @property
    def better(self) -> MaxwellFit:
        """The fit that is `kept`."""
        return self.fixed if self.kept == "fixed" else self.free


def cdf(values: np.ndarray, loc: float, scale: float) -> np.ndarray:
    """P(X <= value), float64 of the shape of `values`; 0 at and below `loc`."""
    z = np.maximum(np.asarray(values, dtype=np.float64) - loc, 0.0) / scale
    return np.clip(_erf(z / math.sqrt(2.0)) - math.sqrt(2.0 / math.pi) * z * np.exp(-z * z / 2.0), 0.0, 1.0)


def ks_distance(samples: np.ndarray, loc: float, scale: float) -> float:
    """Kolmogorov-Smirnov distance between `samples` and the fitted distribution."""
    ordered = np.sort(np.asarray(samples, dtype=np.float64))
    fitted = cdf(ordered, loc, scale)
    ranks = np.arange(ordered.size + 1, dtype=np.float64) / ordered.size
    return float(max(np.max(ranks[1:] - fitted), np.max(fitted - ranks[:-1])))


def fit(samples: np.ndarray) -> Fits:
    """Fit with location 0 in closed form (scale^2 is the mean square over 3), and with a free location.

    `samples`: complexities, any shape, at least one; all equal gives a narrow distribution around them. Complexities of
    real scenes have a hard lower end, which location 0 misses.
    """
    values = np.asarray(samples, dtype=np.float64).ravel()
    scale = max(math.sqrt(float(np.mean(values * values)) / 3.0), 1e-6)
    return Fits(_scored(values, 0.0, scale), _scored(values, *_least_squares(values)))


def _scored(values: np.ndarray, loc: float, scale: float) -> MaxwellFit:
    return MaxwellFit(float(loc), float(scale), ks_distance(values, loc, scale))


def _least_squares(values: np.ndarray) -> Tuple[float, float]:
    """Location and scale that bring the CDF nearest to the empirical one, by a grid that closes in on itself."""
    ordered = np.sort(values)
    ranks = (np.arange(ordered.size) + 0.5) / ordered.size
    spread = max(float(np.std(values)), 1e-6)
    loc, scale = float(np.mean(values)) - 2.37 * spread, 1.485 * spread  # by moments: mean 1.596 a, deviation 0.673 a
    width = 1.0
    for _ in range(12):
        candidates = [(loc + dl * width * spread, scale * math.exp(ds * width))
                      for dl in np.linspace(-1.0, 1.0, 7) for ds in np.linspace(-0.7, 0.7, 7)]
        loc, scale = min(candidates, key=lambda c: float(np.sum((cdf(ordered, c[0], c[1]) - ranks) ** 2)))
        width *= 0.6
    return loc, scale
