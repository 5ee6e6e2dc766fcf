"""Serving: the complexity of a frame decides the size at which the network sees it."""
import time
from typing import Dict, Optional, Sequence

import numpy as np

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.ladder import Ladder
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.transforms import labels_to_size, to_input
from dance_edge.energy.meter import EnergyMeter
from dance_edge.events import OnEvent, Warned
from dance_edge.manifest import Manifest
from dance_edge.runtime.engine import Engines
from dance_edge.serve.frame import Frame, FrameResult
from dance_edge.serve.sinks import Sink
from dance_edge.serve.source import Source, Stopped
from dance_edge.serve.tally import ServeReport, Tally
from dance_edge.size import Size, size_of


class Segmenter:
    """From a frame to its labels: complexity, p, rung, engine, and back to the frame's size by nearest."""

    def __init__(self, engines: Engines, manifest: Manifest, profile: ComplexityProfile, on_event: OnEvent) -> None:
        self.manifest = manifest
        self.profile = profile
        self._engines = engines
        self._on_event = on_event
        self._ladders: Dict[Size, Ladder] = {}

    def segment(self, frame: Frame) -> FrameResult:
        """Errors are those of `Engines.at`."""
        image_size = size_of(frame.image)
        ladder = self._ladder(image_size)
        started_s = time.monotonic()
        p = self.profile.p(measure(frame.image, self.profile.measured_size, self.profile.indicator))
        measured_s = time.monotonic()
        size = ladder.at(self.manifest.policy.ratio(p))
        inputs = to_input(frame.image, size, self.manifest.normalization)[np.newaxis]
        engine = self._engines.at(size)
        ready_s = time.monotonic()
        labels = engine.labels(inputs)[0]
        inferred_s = time.monotonic()
        labels = labels_to_size(labels.astype(np.uint8), image_size)
        return FrameResult(frame.index, p, size, 1e3 * (measured_s - started_s), 1e3 * (inferred_s - ready_s),
                           1e3 * (time.monotonic() - frame.captured_at_s), labels)

    def _ladder(self, image_size: Size) -> Ladder:
        if image_size not in self._ladders:
            if self._ladders:
                self._on_event(Warned("the frames change their size, to %s" % image_size.wxh))
            else:
                self._warn_of_shape(image_size)
            self._ladders[image_size] = self.manifest.ladder_for(image_size)
        return self._ladders[image_size]

    def _warn_of_shape(self, image_size: Size) -> None:
        measured = self.profile.measured_size
        stretched = image_size.width * measured.height / float(image_size.height * measured.width)
        if not 0.98 < stretched < 1.02:
            self._on_event(Warned("frames of %s are measured at the profile's %s, which has another shape: their "
                                  "complexity is that of a stretched image" % (image_size.wxh, measured.wxh)))


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
            tally.add(result, segmenter.manifest.macs_at(result.size))
            tally.say(result, total, on_event)
            done = stopped() or (limit is not None and tally.frames >= limit)
            frame = None if done else source.read(stopped)
        duration_s = time.monotonic() - started_s
    tally.warn_of_profile(segmenter.profile.dataset, on_event)
    # A sensor that is there but has no figure says why; only without one the model speaks in its place.
    energy = window.reading() if meter.sensor else tally.estimate(duration_s)
    return tally.report(source.dropped, duration_s, energy)


def _close(sinks: Sequence[Sink], keep: bool) -> None:
    """Close all of `sinks`, also when one of them fails."""
    if sinks:
        try:
            sinks[0].close(keep)
        finally:
            _close(sinks[1:], keep)
