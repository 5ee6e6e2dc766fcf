"""The joules of a run over all its starts: whole, and by what it was doing."""
import contextlib
from typing import Any, Dict, Iterator, List, Tuple

from dance_edge import run as run_folder
from dance_edge.energy import tx2_model
from dance_edge.energy.conditions import conditions
from dance_edge.energy.meter import EnergyMeter, Kept, Window
from dance_edge.energy.reading import EnergyReading, add_up, reading_from_dict
from dance_edge.events import OnEvent, Warned, ignore

SCAN, CALIBRATION, EVALUATION, TRAINING, PRUNING, RECALIBRATION = PHASES = (
    "scan", "calibration", "evaluation", "training", "pruning", "recalibration")
METERED_EVERY_S = 30.0  # how often a cap on energy is held against the sensor; in between it is carried on
FIRST_METERED_S = 8.0  # a figure takes five samples, of one a second


class RunMeter:
    """Windows of this start on `meter`, and what earlier starts had counted when they were last saved.

    `window` is the whole start. A phase within a phase (a prune while training) counts for itself alone. `kills` are
    the earlier starts that ended without a word: what they did after their last save is not known.
    """

    def __init__(self, meter: EnergyMeter, window: Window, on_event: OnEvent = ignore) -> None:
        self.window = window
        self.meter = meter
        self._earlier: List[EnergyReading] = []
        self._earlier_phases: Dict[str, List[EnergyReading]] = {}
        self._open: List[str] = []
        self._since_s = 0.0
        self._spans: Dict[str, List[Tuple[float, float]]] = {}
        self._kept: Dict[str, Kept] = {}  # by phase: what was integrated of the spans that have long ended
        self._asked_s = 0.0  # of this start, when the sensor was last asked,
        self._known = (0.0, 0.0)  # and seconds and joules of it when it last had a figure
        self._on_event = on_event
        self._said = False
        self.kills = 0
        self.began: Dict[str, Any] = conditions().to_dict()  # under these, a resumed run too

    def take_up(self, state: Dict[str, Any]) -> None:
        """Go on from what run.json of an earlier start holds."""
        self._earlier = [reading_from_dict(facts) for facts in state.get("energy_parts", [])]
        self._earlier_phases = {name: [reading_from_dict(facts) for facts in parts]
                                for name, parts in state.get("energy_phases", {}).items()}
        self.began = state.get("conditions") or self.began
        self.kills = int(state.get("kills", 0)) + (state.get("state") == run_folder.RUNNING)

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
        now_s = self._now_s()
        if self._open and now_s > self._since_s:
            spans = self._spans.setdefault(self._open[-1], [])
            if spans and spans[-1][1] == self._since_s:  # it was only looked at in between
                spans[-1] = (spans[-1][0], now_s)
            else:
                spans.append((self._since_s, now_s))
        self._since_s = now_s

    def to_state(self, waits: bool = True) -> Dict[str, Any]:
        """What run.json keeps: up to now; or, without `waits`, to where the samples tell of by now, since nobody is to
        stand still in the midst of training until a sensor has caught up."""
        end_s = self._now_s() if waits else min(self._now_s(), self.meter.told_s)
        phases = {name: [one.to_dict() for one in parts] for name, parts in self._phase_parts(end_s).items()}
        return {"energy_parts": [one.to_dict() for one in self._parts(end_s)], "energy_phases": phases,
                "kills": self.kills, "conditions": self.began}

    def whole(self, macs: float, duration_s: float) -> EnergyReading:
        """Of all starts together; without any sensor what a TX2 would take for `macs` of training, estimated."""
        parts = self._parts(self._now_s())
        if self.meter.may_estimate and all(one.source == "none" for one in parts):
            return tx2_model.training_reading(macs, duration_s)
        whole = add_up(parts)
        if not self.kills:
            return whole
        killed = "%d start%s ended without a word: what was done after the last save is not in it" % (
            self.kills, "" if self.kills == 1 else "s")
        return whole._replace(reason="; ".join(part for part in (whole.reason, killed) if part))

    def write_csv(self, path: str) -> None:
        """Append this start's samples, those of the sensor that its joules come from, to the file `path`."""
        self.meter.write_csv(path, self.window.reading().source)

    def phases(self) -> Dict[str, EnergyReading]:
        """By phase, in the order of `PHASES`; those that were entered."""
        parts = self._phase_parts(self._now_s())
        return {name: add_up(parts[name]) for name in PHASES if name in parts}

    @property
    def elapsed_s(self) -> float:
        """Seconds of all starts."""
        return sum(one.duration_s for one in self._earlier) + self.window.elapsed_s

    def joules(self, macs: float) -> float:
        """So far; the sensor is asked now and then, for what it tells of by now. In between, and
        where it has no figure, the power known last is carried on; a model speaks where there never was any."""
        own_s = self.window.elapsed_s
        if own_s - self._asked_s >= (METERED_EVERY_S if self._known[1] or self._said else FIRST_METERED_S):
            self._ask()
        earlier_s, earlier_j = self._earlier_known()
        then_s, then_j = self._known
        if not then_j + earlier_j:
            return tx2_model.training_reading(macs, 0.0).gross_j or 0.0
        mean_w = then_j / then_s if then_j else earlier_j / earlier_s
        unknown_s = sum(one.duration_s for one in self._earlier) - earlier_s
        return earlier_j + then_j + mean_w * (own_s - then_s + unknown_s)

    def _ask(self) -> None:
        end_s = max(self.window.start_s, min(self._now_s(), self.meter.told_s))
        reading = self.meter.between(self.window.start_s, end_s)
        self._asked_s = self.window.elapsed_s
        if reading.gross_j:
            self._known = (reading.duration_s, reading.gross_j)
        elif self.meter.sensor is not None and not self._said:
            self._said = True
            carried = "what was measured before is carried on" if self._known[1] or self._earlier_known()[1] \
                else "until it has one a TX2's are taken, estimated"
            self._on_event(Warned("the cap on energy: the sensor has no figure (%s): %s" % (reading.reason, carried)))

    def _earlier_known(self) -> Tuple[float, float]:
        """Seconds and joules of those earlier starts that have a figure."""
        known = [one for one in self._earlier if one.gross_j is not None]
        return sum(one.duration_s for one in known), sum(one.gross_j or 0.0 for one in known)

    def _now_s(self) -> float:
        return self.meter.clock() if self.window.end_s is None else self.window.end_s

    def _parts(self, end_s: float) -> List[EnergyReading]:
        """Of every start before, and of this one up to `end_s`, where that is later than its beginning."""
        start_s = self.window.start_s
        return self._earlier + ([self.meter.between(start_s, end_s)] if end_s > start_s or not self._earlier else [])

    def _phase_parts(self, end_s: float) -> Dict[str, List[EnergyReading]]:
        """Of every start before, and of this one up to `end_s`, whose short stretches have a figure together."""
        parts = {name: list(readings) for name, readings in self._earlier_phases.items()}
        self._end_span()
        for name, spans in self._spans.items():
            told = [(span_s, min(span_end_s, end_s)) for span_s, span_end_s in spans if span_s < end_s]
            if told:
                parts.setdefault(name, []).append(self.meter.over(told, self._kept.setdefault(name, {})))
        return parts
