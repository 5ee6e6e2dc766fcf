"""A bench from its flags to its findings: the calls that `bench` and `demo` share."""
import contextlib
import os
import shlex
import tempfile
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from dance_edge.bench import images, paper, training
from dance_edge.bench.against import Changes, changes, read_bench
from dance_edge.bench.disturbance import Disturbance
from dance_edge.bench.findings import Findings
from dance_edge.bench.images import ImageSet
from dance_edge.bench.inference import Bench, measure
from dance_edge.bench.memory import PeakMemory
from dance_edge.bench.names import parted, unique_names
from dance_edge.bench.scores import reader_of, score_all
from dance_edge.bench.training_steps import measure_steps
from dance_edge.bench.turn import least_seconds
from dance_edge.bench.variant import Variant
from dance_edge.cli.backend import as_run_by, facts_of, manifest_of, open_engines
from dance_edge.cli.foreign_onnx import Asked, onnx_manifest
from dance_edge.cli.options import ForeignFlags
from dance_edge.cli.progress import Listener
from dance_edge.complexity.profile import load_profile
from dance_edge.energy.conditions import conditions
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.sensors import metered
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, Warned, ignore
from dance_edge.manifest import METADATA_KEY
from dance_edge.run import Run, open_run
from dance_edge.runtime.onnxruntime_engine import read_metadata

if TYPE_CHECKING:
    from dance_edge.cli.bench import BenchConfig

INTERVAL_S = 0.5  # the period asked of jtop's service: a turn is seconds long
IDLE_S = 5.0      # of the baseline, where there is a sensor and nobody says otherwise


class Given(NamedTuple):
    """A model to be measured: its name in tables, its RUN, and the one ratio that all its images are to have."""

    name: str
    run: Run
    ratio: Optional[float] = None


class Benched(NamedTuple):
    """`folder` is where pages go, None for nowhere; the `meter` holds the samples of power. `changes` are against an
    earlier bench, None where none was given; `paper` whether the paper's figures are to stand beside ours."""

    found: Findings
    folder: Optional[str]
    meter: EnergyMeter
    changes: Optional[Changes] = None
    paper: bool = False

    def result(self) -> Dict[str, Any]:
        """The keys of `bench --json`."""
        facts = self.found.to_dict()
        if self.changes is not None:
            facts.update(self.changes.to_dict())
        if self.paper:
            facts["paper"] = paper.to_dict(self.found)
        return facts


def run_bench(config: "BenchConfig", listener: Listener) -> Benched:
    """Measure. Nothing is printed, and nothing written."""
    earlier = read_bench(config.against) if config.against else None
    given = _given(config)
    last = given[-1].run
    costs = [(one.name, training.of_run(one.run.folder)) for one in given]
    with tempfile.TemporaryDirectory(prefix="dance-edge-bench-") as scratch, contextlib.ExitStack() as opened:
        variants = _variants(given, config, opened, listener)
        chosen, state = _images(given, variants[-1], config, scratch, listener)
        place = variants[-1].engines.place or "cpu"
        with metered(config.power or "auto", on_event=listener, service_s=INTERVAL_S, place=place) as meter:
            idle = _idle(config.idle, meter, listener)
            started = conditions()
            with Disturbance() as others:
                bench = measure(variants, chosen.paths, config.images, meter, listener, config.rounds)
            ended = conditions()
            steps = measure_steps(last.state(), config.train_steps, meter, listener) if config.train_steps else None
        bench = _scored(bench, variants, chosen, reader_of(config.data, config.label_map or "", state, ignore),
                        listener)
        sha256 = chosen.sha256()
    if others.warning():
        listener(Warned(others.warning()))
    if steps is not None and steps.reason:
        listener(Warned("--train-steps: %s" % steps.reason))
    found = Findings(last.path, chosen.origin, sha256, config.rounds, bench.measured, bench.against, costs, idle,
                     meter.cost, others.share, started, ended, listener.warnings, steps)
    changed = changes(earlier, found.to_dict(), config.against or "") if earlier is not None else None
    for text in changed.differs if changed is not None else ():
        listener(Warned(text))
    return Benched(found, config.out or (None if config.models else last.folder), meter, changed, config.paper)


def _given(config: "BenchConfig") -> List[Given]:
    """What is to be measured; of a RUN alone it is the adapted model, to which its source comes."""
    if not config.models:
        return [Given("adapted", as_run_by(open_run(config.run_path), config.backend))]
    if config.run_path:
        raise ConfigError("RUN and --models both name what to measure", "give all of them with --models, the one that "
                          "the others are held against first")
    found = []
    for name, text in zip(unique_names(config.models), config.models):
        path, ratio = parted(text)
        found.append(Given(name, as_run_by(open_run(path), config.backend), ratio))
    return found


def _variants(given: List[Given], config: "BenchConfig", opened: contextlib.ExitStack,
              listener: OnEvent) -> List[Variant]:
    """What to measure, their engines open until `opened` closes: of a RUN alone the source too, where RUN has it for
    the same backend."""
    variants = [_variant(one, config, opened, listener) for one in given]
    if config.models:
        return variants
    run, adapted = given[0].run, variants[0]
    source = _source_of(run, adapted.engines.name)
    if source is None:
        if run.folder:
            listener(Warned("the run has no source model for %s: the adapted one is measured alone"
                            % adapted.engines.name))
        return variants
    with PeakMemory() as memory:
        before = opened.enter_context(open_engines(source, adapted.engines.name, config.model, listener,
                                                   precision=config.precision))
    return [Variant("source", before, manifest_of(source), None, (memory.bytes, memory.kept_bytes)), adapted]


def _variant(given: Given, config: "BenchConfig", opened: contextlib.ExitStack, listener: OnEvent) -> Variant:
    run = given.run
    foreign = ForeignFlags() if config.models and not _is_foreign(run) else config.foreign
    asked = Asked(foreign, config.profile, _line(config), "" if config.data else "--profile or --data")
    manifest, network = onnx_manifest(run, asked, listener), None
    if manifest is None:
        manifest, network = facts_of(run, config.data, config.model, listener, with_p=not config.profile)
    profile = load_profile(config.profile) if config.profile else manifest.profile
    if profile is None and manifest.only_size is None and given.ratio is None:
        listener(Note("%s carries no profile: every image runs at full size (--profile gives one)"
                      % ("the model" if not config.models else given.name)))
    with PeakMemory() as memory:
        engines = opened.enter_context(open_engines(run, config.backend, config.model, listener, network,
                                                    config.precision))
    return Variant(given.name, engines, manifest, profile, (memory.bytes, memory.kept_bytes), given.ratio)


def _is_foreign(run: Run) -> bool:
    return run.model_onnx is not None and METADATA_KEY not in read_metadata(run.model_onnx)


def _line(config: "BenchConfig") -> str:
    """The command as it was typed, but for what describes the network."""
    words = ["bench", config.run_path or ""] + (["--data", config.data] if config.data else [])
    for path in config.models:
        words += ["--models", path]
    return " ".join(shlex.quote(word) for word in words if word)


def _source_of(run: Run, backend: str) -> Optional[Run]:
    """The model as it came, as a RUN of its own; None where the run has no file of it for `backend`."""
    path = run.source_onnx
    if backend == "torch" and run.folder:
        path = os.path.join(run.folder, "source.pt")
    return open_run(path) if path and os.path.isfile(path) else None


def _images(given: List[Given], adapted: Variant, config: "BenchConfig", scratch: str,
            listener: OnEvent) -> Tuple[ImageSet, Any]:
    """What to run over, and run.json of the run whose data these are."""
    if config.data:
        return images.of_folder(config.data, config.images, listener), {}
    for one in given:
        state = one.run.state()
        found = images.of_run(state, config.images, listener)
        if found is not None:
            return found, state
    listener(Note("no images of the run's data here: drawn ones take their place (--data DIR gives real ones)"))
    return images.drawn(scratch, config.images, adapted.manifest.image_size, adapted.profile), {}


def _idle(seconds: Optional[float], meter: EnergyMeter, listener: OnEvent) -> Optional[EnergyReading]:
    """The baseline, before anything is measured; None without a sensor, or where nobody wants one."""
    if meter.sensor is None or seconds == 0.0:
        if seconds:
            listener(Warned("--idle: there is no sensor, so no baseline was measured"))
        return None
    idle = meter.measure_idle(max(IDLE_S, least_seconds(meter)) if seconds is None else seconds)
    if idle.gross_j is None:
        listener(Warned("no baseline, so no net joules: %s" % idle.reason))
    return idle


def _scored(bench: Bench, variants: List[Variant], chosen: ImageSet, reader: Any, listener: OnEvent) -> Bench:
    scores = score_all(variants, chosen.records, reader, listener)
    return bench._replace(measured=[one._replace(miou=score.miou, miou_images=score.images)
                                    for one, score in zip(bench.measured, scores)])
