"""A bench from its flags to its findings: the calls that `bench` and `demo` share."""
import contextlib
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dance_edge.bench import images, paper, training
from dance_edge.bench.against import Changes, changes
from dance_edge.bench.disturbance import Disturbance
from dance_edge.bench.earlier import check_common, read_bench
from dance_edge.bench.findings import Findings
from dance_edge.bench.images import ImageSet
from dance_edge.bench.inference import Bench, measure
from dance_edge.bench.scores import reader_of, score_all
from dance_edge.bench.sight import BlindAt, sight_of
from dance_edge.bench.training_steps import Extrapolated, measure_steps
from dance_edge.bench.variant import Variant
from dance_edge.cli.bench_config import BenchConfig
from dance_edge.cli.bench_models import Given, given_models, open_variants
from dance_edge.cli.progress import Listener
from dance_edge.energy.conditions import conditions
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.sensors import metered
from dance_edge.events import Note, OnEvent, Warned, ignore

INTERVAL_S = 0.5  # the period asked of jtop's service: a turn is seconds long
IDLE_S = 5.0      # of the baseline, where there is a sensor and nobody says otherwise


class Benched(NamedTuple):
    """`folder` is where pages go, None for nowhere; the `meter` holds the samples of power. `changes` are against an
    earlier bench, None where none was given; `paper` whether the paper's figures are to stand beside ours. `failure` is
    what nobody expected, to be raised when all that was measured is written and shown."""

    found: Findings
    folder: Optional[str]
    meter: EnergyMeter
    changes: Optional[Changes] = None
    paper: bool = False
    failure: Optional[Exception] = None

    def result(self) -> Dict[str, Any]:
        """The keys of `bench --json`."""
        facts = self.found.to_dict()
        if self.changes is not None:
            facts.update(self.changes.to_dict())
        if self.paper:
            facts["paper"] = paper.to_dict(self.found)
        return facts


def run_bench(config: BenchConfig, listener: Listener) -> Benched:
    """Measure. Nothing is printed, and nothing written."""
    earlier = read_bench(config.against) if config.against else None
    given = given_models(config)
    last = given[-1].run
    costs = [(one.name, training.of_run(one.run.folder)) for one in given]
    with tempfile.TemporaryDirectory(prefix="dance-edge-bench-") as scratch, contextlib.ExitStack() as opened:
        variants = open_variants(given, config, opened, listener)
        if earlier is not None:
            check_common(earlier, [one.name for one in variants], config.against or "")
        chosen, state = _images(given, variants[-1], config, scratch, listener)
        with metered(config.power or "auto", on_event=listener, service_s=INTERVAL_S,
                     place=_place(variants[-1])) as meter:
            blind_at = sight_of(meter.sensor, [_place(one) for one in variants], config.power not in (None, "auto"))
            variants = [one._replace(blind=blind_at(_place(one))) for one in variants]
            _say_unseen(variants, listener)
            idle = _idle(config.idle, meter, listener)
            started = conditions()
            with Disturbance() as others:
                bench = measure(variants, chosen.paths, config.images, meter, listener, config.rounds)
            ended = conditions()
            bench = _scored(bench, variants, chosen, reader_of(config.data, config.label_map or "", state, ignore),
                            listener)
            steps, failure = _trained(last.state(), config.train_steps, meter, blind_at, listener)
        sha256 = chosen.sha256()
    if others.warning():
        listener(Warned(others.warning()))
    found = Findings(last.path, chosen.origin, sha256, config.rounds, bench.measured, bench.against, costs, idle,
                     meter.cost, others.share, started, ended, listener.warnings, steps)
    changed = changes(earlier, found.to_dict(), config.against or "") if earlier is not None else None
    for text in changed.differs if changed is not None else ():
        listener(Warned(text))
    return Benched(found, config.out or (None if config.models else last.folder), meter, changed, config.paper, failure)


def _images(given: List[Given], adapted: Variant, config: BenchConfig, scratch: str,
            listener: OnEvent) -> Tuple[ImageSet, Any]:
    """What to run over, and run.json of the run whose data these are."""
    states = [one.run.state() for one in given]
    found, state = _found(states, config, listener)
    if found is None:
        listener(Note("no images of the run's data here: drawn ones take their place (--data DIR gives real ones)"))
        return images.drawn(scratch, config.images, adapted.manifest.image_size, adapted.profile), {}
    known = [one.name for one, own in zip(given, states) if images.trained_on(found, own)]
    if not known:
        return found, state
    if any(one.label is not None for one in found.records):
        listener(Warned("%s learned from some of these images: mIoU is not that on images never seen"
                        % ", ".join(known)))
    return images.marked(found), state


def _found(states: List[Dict[str, Any]], config: BenchConfig,
           listener: OnEvent) -> Tuple[Optional[ImageSet], Dict[str, Any]]:
    """The images of --data, else of the first run that has its own here, with that run's state."""
    if config.data:
        return images.of_folder(config.data, config.images, listener), {}
    for state in states:
        found = images.of_run(state, config.images, listener)
        if found is not None:
            return found, state
    return None, {}


def _place(variant: Variant) -> str:
    return variant.engines.place or "cpu"


def _say_unseen(variants: List[Variant], listener: OnEvent) -> None:
    for one in variants:
        if one.blind:
            listener(Warned("%s has no joules: %s" % (one.name, one.blind)))


def _idle(seconds: Optional[float], meter: EnergyMeter, listener: OnEvent) -> Optional[EnergyReading]:
    """The baseline, before anything is measured; None without a sensor, or where nobody wants one."""
    if meter.sensor is None or seconds == 0.0:
        if seconds:
            listener(Warned("--idle: there is no sensor, so no baseline was measured"))
        return None
    idle = meter.measure_idle(max(IDLE_S, meter.least_s) if seconds is None else seconds)
    if idle.gross_j is None:
        listener(Warned("no baseline, so no net joules: %s" % idle.reason))
    return idle


def _trained(state: Dict[str, Any], count: int, meter: EnergyMeter, blind_at: BlindAt,
             listener: OnEvent) -> Tuple[Optional[Extrapolated], Optional[Exception]]:
    """What `count` training steps say, None for no steps; and what went wrong in them that nobody expected, which is
    kept for later: minutes of inference are measured already."""
    if not count:
        return None, None
    failure = None
    try:
        steps = measure_steps(state, count, meter, listener, blind_at)
    except Exception as reason:
        failure = reason
        steps = Extrapolated(count, 0, 0.0, reason="unexpected %s: %s" % (type(reason).__name__, reason))
    if steps.reason:
        listener(Warned("--train-steps: %s" % steps.reason))
    return steps, failure


def _scored(bench: Bench, variants: List[Variant], chosen: ImageSet, reader: Any, listener: OnEvent) -> Bench:
    scores = score_all(variants, chosen.records, reader, listener)
    return bench._replace(measured=[one._replace(miou=score.miou, miou_images=score.images)
                                    for one, score in zip(bench.measured, scores)])
