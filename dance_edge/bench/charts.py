"""Which pictures a bench's findings have."""
from typing import Dict, Optional

import numpy as np

from dance_edge.bench.findings import Findings
from dance_edge.bench.page import POWER, SCORES
from dance_edge.energy.trace import Columns
from dance_edge.report.bench_charts import Point, Turned, power_chart, score_chart


def charts(found: Findings, columns: Optional[Columns]) -> Dict[str, bytes]:
    """PNG by name: of scores where both mIoU and joules are known, of power where a sensor was there (`columns`).
    `ConfigError` without matplotlib."""
    pictures = {}
    points = [Point(one.name, one.energy.gross_j, one.energy.low_j, one.energy.high_j, one.miou, one.energy.label)
              for one in found.measured if one.energy.gross_j is not None and one.miou is not None]
    if points:
        pictures[SCORES] = score_chart(points)
    if columns is not None and columns.times_s.size > 1 and columns.total is not None:
        turns = [Turned(one.name, turn.start_s, turn.end_s) for one in found.measured for turn in one.turns]
        watts = np.asarray(columns.rails_w[columns.total])
        label = columns.total
        if any(one.energy.calibrated for one in found.measured):  # a calibration is of joules, not of samples
            label += ", as the sensor has them"
        pictures[POWER] = power_chart(columns.times_s, watts, turns, label)
    return pictures
