"""Serving: the complexity of a frame decides the size at which the network sees it."""
import time
from typing import Dict, Optional, Sequence, Tuple

from dance_edge.complexity.ladder import Ladder
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.transforms import labels_to_size
from dance_edge.energy.meter import EnergyMeter
from dance_edge.events import OnEvent, Warned
from dance_edge.manifest import Manifest
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.outputs import class_ids
from dance_edge.serve.frame import Frame, FrameResult
from dance_edge.serve.sinks import Sink
from dance_edge.serve.source import Source, Stopped
from dance_edge.serve.tally import ServeReport, Tally
from dance_edge.size import Size, size_of


class Segmenter:
    """From a frame to its labels: complexity, p, rung, engine, and back to the frame's size by nearest.

    Without a `profile` a frame has no p and is seen in full, as by a graph that takes one size alone.
    """

    def __init__(self, engines: Engines, manifest: Manifest, profile: Optional[ComplexityProfile],
                 on_event: OnEvent) -> None:
        self.manifest = manifest
        self.profile = profile
        self._engines = engines
        self._on_event = on_event
        self._ladders: Dict[Size, Ladder] = {}

    def segment(self, frame: Frame) -> FrameResult:
        """Errors are those of `Engines.at` and `Engines.segment`; `CheckpointError` for ids beyond the classes."""
        image_size = size_of(frame.image)
        ladder = self._ladder(image_size)
        p, complexity_ms = self._p(frame)
        size = ladder.full if p is None else ladder.at(self.manifest.policy.ratio(p))
        self._engines.at(size)  # opened, or built, outside of what is timed
        ready_s = time.monotonic()
        labels = self._engines.segment(frame.image, size, self.manifest.normalization)
        inferred_s = time.monotonic()
        labels = labels_to_size(class_ids(labels, len(self.manifest.classes.names)), image_size)
        return FrameResult(frame.index, p, size, complexity_ms, 1e3 * (inferred_s - ready_s),
                           1e3 * (time.monotonic() - frame.captured_at_s), labels)

    def _p(self, frame: Frame) -> Tuple[Optional[float], Optional[float]]:
        """p, and the milliseconds that it took."""
        if self.profile is None:
            return None, None
        started_s = time.monotonic()
        complexity = self._engines.complexity(frame.image, self.profile.measured_size, self.profile.indicator)
        return self.profile.p(complexity), 1e3 * (time.monotonic() - started_s)

    def _ladder(self, image_size: Size) -> Ladder:
        if image_size not in self._ladders:
            if self._ladders:
                self._on_event(Warned("the frames change their size, to %s" % image_size.wxh))
            else:
                self._warn_of_shape(image_size)
            self._ladders[image_size] = self.manifest.ladder_for(image_size)
            self._engines.prepare(self._ladders[image_size].rungs)
        return self._ladders[image_size]

    def _warn_of_shape(self, image_size: Size) -> None:
        only = self.manifest.only_size
        if only is not None and _stretched(image_size, only):
            self._on_event(Warned("frames of %s are seen at %s, the network's only size, which has another shape: it "
                                  "sees stretched images" % (image_size.wxh, only.wxh)))
        if self.profile is not None and _stretched(image_size, self.profile.measured_size):
            self._on_event(Warned("frames of %s are measured at the profile's %s, which has another shape: their "
                                  "complexity is that of a stretched image"
                                  % (image_size.wxh, self.profile.measured_size.wxh)))


def _stretched(one: Size, other: Size) -> bool:
    return not 0.98 < one.width * other.height / float(one.height * other.width) < 1.02


def serve(source: Source, segmenter: Segmenter, sinks: Sequence[Sink], meter: EnergyMeter, on_event: OnEvent,
          limit: Optional[int] = None, stopped: Stopped = lambda: False) -> ServeReport:
    """Take `source` to its end, to `limit` frames, or until `stopped()`; each frame goes to all `sinks`.

    The sinks are closed here: what they have is kept at each of these ends and at a KeyboardInterrupt, and leaves
    no trace where something fails. The source, opened before the sinks, is closed by whoever opened it.
    """
    keep = False
    try:
        report = _run(source, segmenter, sinks, meter, on_event, limit, stopped)
        keep = True
        return report
    except KeyboardInterrupt:
        keep = True
        raise
    finally:
        _close(sinks, keep)


def _run(source: Source, segmenter: Segmenter, sinks: Sequence[Sink], meter: EnergyMeter, on_event: OnEvent,
         limit: Optional[int], stopped: Stopped) -> ServeReport:
    frame = source.read(stopped)
    if frame is not None:
        segmenter.segment(frame)  # warms up: buffers are made and caches filled outside of what is timed
        frame = frame._replace(captured_at_s=time.monotonic())
    total = limit if source.total is None else min(source.total, limit or source.total)
    tally = Tally()
    with meter.window("serve") as window:
        started_s = time.monotonic()
        while frame is not None:
            result = segmenter.segment(frame)
            for sink in sinks:
                sink.write(frame, result)
            tally.add(result, segmenter.manifest.known_macs_at(result.size))
            tally.say(result, total, on_event)
            done = stopped() or (limit is not None and tally.frames >= limit)
            frame = None if done else source.read(stopped)
        duration_s = time.monotonic() - started_s
    if segmenter.profile is not None and segmenter.manifest.only_size is None:
        tally.warn_of_profile(segmenter.profile.dataset, on_event)
    # A sensor that is there but has no figure says why; only without one the model speaks in its place.
    energy = tally.estimate(duration_s) if meter.may_estimate else window.reading()
    return tally.report(source.dropped, duration_s, energy)


def _close(sinks: Sequence[Sink], keep: bool) -> None:
    """Close all of `sinks`, also when one of them fails."""
    if sinks:
        try:
            sinks[0].close(keep)
        finally:
            _close(sinks[1:], keep)
