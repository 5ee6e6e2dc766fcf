"""The running figures of a stream, and what they come to."""
import time
from collections import deque
from typing import Any, Deque, Dict, NamedTuple, Optional

from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import UNCOUNTED, inference_reading
from dance_edge.events import Note, OnEvent, Progress, Warned
from dance_edge.metrics.latency import Latency, summary
from dance_edge.serve.frame import FrameResult

TIMED = 100000  # latencies kept: the percentiles are of so many frames at the end, so that memory has a bound
END_OF_PROFILE = 0.05  # p below it, or above 1 - it, is an end of the profile
AT_ONE_END = 0.9  # this share of the frames there is too much
SAY_EVERY_S = 10.0  # between two lines about a stream that has no end


class ServeReport(NamedTuple):
    """What a stream came to. `fps` is frames over `duration_s`, decoding and sinks included.

    `latency` is of the frames' `total_ms` (its own fps would leave out decoding and sinks). `sizes` counts frames by
    rung, `"HxW"`. `energy` is of all frames together.
    """

    frames: int
    dropped: int
    duration_s: float
    fps: Optional[float]
    latency: Latency
    sizes: Dict[str, int]
    energy: EnergyReading

    def to_dict(self) -> Dict[str, Any]:
        """The promised keys of `serve --json`; `energy` is of one frame, as `energy_j_per_image` is."""
        energy = self.energy.per(self.frames)
        return {"frames": self.frames, "dropped": self.dropped, "duration_s": self.duration_s, "fps": self.fps,
                "latency_ms": self.latency.to_dict(), "sizes": dict(self.sizes),
                "energy_j_per_image": energy.gross_j, "energy_source": energy.label, "energy": energy.to_dict()}


class Tally:
    """Counts frames as they are served."""

    def __init__(self) -> None:
        self.frames = 0
        self._macs: Optional[float] = 0.0
        self._sizes: Dict[str, int] = {}
        self._total_s: Deque[float] = deque(maxlen=TIMED)
        self._low = 0
        self._high = 0
        self._said_s = time.monotonic()
        self._said_frames = 0

    def add(self, result: FrameResult, macs: Optional[float]) -> None:
        """Count one frame, which took `macs` multiply-accumulates; None where nobody knows."""
        self.frames += 1
        self._macs = None if macs is None or self._macs is None else self._macs + macs
        self._sizes[result.size.hxw] = self._sizes.get(result.size.hxw, 0) + 1
        self._total_s.append(1e-3 * result.total_ms)
        self._low += result.p is not None and result.p < END_OF_PROFILE
        self._high += result.p is not None and result.p > 1.0 - END_OF_PROFILE

    def say(self, result: FrameResult, total: Optional[int], on_event: OnEvent) -> None:
        """How far it is: a share of `total`, or a line now and then where there is none."""
        if total is not None:
            on_event(Progress("serve", min(self.frames, total), total))
            return
        now_s = time.monotonic()
        if now_s - self._said_s >= SAY_EVERY_S:
            fps = (self.frames - self._said_frames) / (now_s - self._said_s)
            p = "" if result.p is None else "p %.2f at " % result.p
            on_event(Note("%d frames, %.1f a second; now %s%s in %.0f ms"
                          % (self.frames, fps, p, result.size.wxh, result.total_ms)))
            self._said_s, self._said_frames = now_s, self.frames

    def warn_of_profile(self, profile_name: str, on_event: OnEvent) -> None:
        """A profile of another world gives all frames one size: nothing fails, and nothing adapts."""
        for count, side in ((self._low, "low"), (self._high, "high")):
            if count > AT_ONE_END * self.frames:
                on_event(Warned("%.0f %% of the frames lie at the %s end of the profile of %s, and so get one size. A "
                                "profile of this camera's own world helps: dance-edge scan VIDEO --out DIR, then serve "
                                "with --profile DIR/profile.json" % (100.0 * count / self.frames, side, profile_name)))

    def estimate(self, duration_s: float) -> EnergyReading:
        """What a TX2 would have taken for these frames, by the model of its energy."""
        if self.frames == 0:
            return EnergyReading(duration_s=duration_s, reason="no frame was served")
        if self._macs is None:
            return EnergyReading(duration_s=duration_s, reason=UNCOUNTED)
        return inference_reading(self._macs / self.frames, self.frames, duration_s)

    def report(self, dropped: int, duration_s: float, energy: EnergyReading) -> ServeReport:
        """The figures so far."""
        fps = self.frames / duration_s if self.frames and duration_s > 0 else None
        latency = summary(list(self._total_s))
        return ServeReport(self.frames, dropped, duration_s, fps, latency, dict(self._sizes), energy)
