"""How long images take, as a reader of a table wants it."""
from typing import Any, Dict, NamedTuple, Optional, Sequence

import numpy as np


class Latency(NamedTuple):
    """Milliseconds an image (median, 99th percentile) and images a second; None where nothing was timed."""

    p50_ms: Optional[float]
    p99_ms: Optional[float]
    fps: Optional[float]

    def to_dict(self) -> Dict[str, Any]:
        """The promised JSON form: `{"p50": ..., "p99": ...}`; `fps` stands beside it."""
        return {"p50": self.p50_ms, "p99": self.p99_ms}


def summary(seconds: Sequence[float]) -> Latency:
    """Of the seconds that each image took. fps is images over their summed time: one after the other."""
    if len(seconds) == 0:
        return Latency(None, None, None)
    values = np.asarray(seconds, dtype=np.float64)
    p50, p99 = np.percentile(values, [50.0, 99.0]) * 1e3
    total = float(np.sum(values))
    return Latency(float(p50), float(p99), values.size / total if total > 0 else None)
