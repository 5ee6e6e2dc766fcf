"""The joules of a run over all its starts: whole, and by what it was doing."""
import contextlib
from typing import Any, Dict, Iterator, List, Tuple

from dance_edge.energy import tx2_model
from dance_edge.energy.meter import EnergyMeter, Window
from dance_edge.energy.reading import EnergyReading, add_up, reading_from_dict

SCAN, CALIBRATION, EVALUATION, TRAINING, PRUNING, RECALIBRATION = PHASES = (
    "scan", "calibration", "evaluation", "training", "pruning", "recalibration")
METERED_EVERY_S = 30.0  # how often a cap on energy is held against the sensor; in between it is carried on
FIRST_METERED_S = 6.0  # a figure takes five samples, of one a second


class RunMeter:
    """Windows of this start on `meter`, and what earlier starts had counted when they were last saved.

    `window` is the whole start. A phase within a phase (a prune while training) counts for itself alone.
    """

    def __init__(self, meter: EnergyMeter, window: Window) -> None:
        self.window = window
        self.meter = meter
        self._earlier: List[EnergyReading] = []
        self._earlier_phases: Dict[str, List[EnergyReading]] = {}
        self._open: List[str] = []
        self._since_s = 0.0
        self._spans: Dict[str, List[Tuple[float, float]]] = {}
        self._asked = (0.0, 0.0)  # seconds and joules of this start when the sensor was last asked

    def take_up(self, state: Dict[str, Any]) -> None:
        """Go on from what run.json of an earlier start holds."""
        self._earlier = [reading_from_dict(facts) for facts in state.get("energy_parts", [])]
        self._earlier_phases = {name: [reading_from_dict(facts) for facts in parts]
                                for name, parts in state.get("energy_phases", {}).items()}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What is done inside counts for the phase `name`, and not for the one around it."""
        self._end_span()
        self._open.append(name)
        try:
            yield
        finally:
            self._end_span()
            self._open.pop()

    def _end_span(self) -> None:
        now_s = self.meter.clock()
        if self._open and now_s > self._since_s:
            spans = self._spans.setdefault(self._open[-1], [])
            if spans and spans[-1][1] == self._since_s:  # it was only looked at in between
                spans[-1] = (spans[-1][0], now_s)
            else:
                spans.append((self._since_s, now_s))
        self._since_s = now_s

    def to_state(self) -> Dict[str, Any]:
        """What run.json keeps."""
        phases = {name: [one.to_dict() for one in parts] for name, parts in self._phase_parts().items()}
        return {"energy_parts": [one.to_dict() for one in self._parts()], "energy_phases": phases}

    def whole(self, macs: float, duration_s: float) -> EnergyReading:
        """Of all starts together; without any sensor what a TX2 would take for `macs` of training, estimated."""
        parts = self._parts()
        if self.meter.may_estimate and all(one.source == "none" for one in parts):
            return tx2_model.training_reading(macs, duration_s)
        return add_up(parts)

    def phases(self) -> Dict[str, EnergyReading]:
        """By phase, in the order of `PHASES`; those that were entered."""
        parts = self._phase_parts()
        return {name: add_up(parts[name]) for name in PHASES if name in parts}

    @property
    def elapsed_s(self) -> float:
        """Seconds of all starts."""
        return sum(one.duration_s for one in self._earlier) + self.window.elapsed_s

    def joules(self, macs: float) -> float:
        """So far; the sensor is asked now and then, since an answer takes as long as its interval."""
        own_s = self.window.elapsed_s
        if own_s - self._asked[0] >= (METERED_EVERY_S if self._asked[1] else FIRST_METERED_S):
            reading = self.window.reading()
            self._asked = (reading.duration_s, reading.gross_j or 0.0)
        then_s, then_j = self._asked
        if not then_j:
            return tx2_model.training_reading(macs, 0.0).gross_j or 0.0
        return sum(one.gross_j or 0.0 for one in self._earlier) + then_j * own_s / then_s

    def _parts(self) -> List[EnergyReading]:
        return self._earlier + [self.window.reading()]

    def _phase_parts(self) -> Dict[str, List[EnergyReading]]:
        """Of every start before, and of this one, whose short stretches have a figure together."""
        parts = {name: list(readings) for name, readings in self._earlier_phases.items()}
        self._end_span()
        for name, spans in self._spans.items():
            parts.setdefault(name, []).append(self.meter.over(spans))
        return parts
