"""Ways of doing one thing, timed in turn, so that a machine's drift meets all of them alike."""
import time
from typing import Any, Dict

import numpy as np


def in_turn(ways, rounds=9):
    """What each of `ways` took in `rounds` turns, by name: (rounds, 2) seconds, by the clock and of the processors.

    A turn before them warms up and fills caches.
    """
    taken: Dict[str, Any] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started_s, busy_s = time.perf_counter(), time.process_time()
            way()
            if turn:
                taken[name].append((time.perf_counter() - started_s, time.process_time() - busy_s))
    return {name: np.array(rows) for name, rows in taken.items()}


def medians(taken):
    """Median seconds by the clock of what `in_turn` gave, by name."""
    return {name: float(np.median(rows[:, 0])) for name, rows in taken.items()}
