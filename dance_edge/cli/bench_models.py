"""What a bench measures: the models that its flags name, and their engines."""
import contextlib
import os
import shlex
from typing import Any, Callable, List, NamedTuple, Optional

from dance_edge.bench.memory import Openings
from dance_edge.bench.names import parted, unique_names
from dance_edge.bench.variant import Variant, refuse_ratio
from dance_edge.cli.backend import as_run_by, facts_of, manifest_of, open_engines
from dance_edge.cli.bench_config import BenchConfig
from dance_edge.cli.foreign_onnx import Asked, onnx_manifest
from dance_edge.cli.options import ForeignFlags
from dance_edge.complexity.profile import load_profile
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.manifest import METADATA_KEY
from dance_edge.run import Run, open_run
from dance_edge.runtime.engine import Engines
from dance_edge.runtime.onnxruntime_engine import read_metadata


class Given(NamedTuple):
    """A model to be measured: its name in tables, its RUN, and the one ratio that all its images are to have."""

    name: str
    run: Run
    ratio: Optional[float] = None


def given_models(config: BenchConfig) -> List[Given]:
    """What is to be measured; of a RUN alone it is the adapted model, to which its source comes. `ConfigError` for
    flags that would be of no use."""
    if config.label_map and not config.data:
        raise ConfigError("--label-map says how --data is read, and there is no --data",
                          "give it too, or leave it away: a run's own data is read as when it was trained")
    if not config.models:
        return [Given("adapted", as_run_by(open_run(config.run_path), config.backend))]
    if config.run_path:
        raise ConfigError("RUN and --models both name what to measure", "give all of them with --models, the one that "
                          "the others are held against first")
    found = []
    for name, text in zip(unique_names(config.models), config.models):
        path, ratio = parted(text)
        found.append(Given(name, as_run_by(open_run(path), config.backend), ratio))
    unused = config.foreign.given()
    if unused and not any(_is_foreign(one.run) for one in found):
        raise ConfigError("each of --models says itself what it is: %s would contradict it" % ", ".join(unused),
                          "leave %s out" % ("it" if len(unused) == 1 else "them"))
    return found


def open_variants(given: List[Given], config: BenchConfig, opened: contextlib.ExitStack,
                  listener: OnEvent) -> List[Variant]:
    """What to measure, their engines open until `opened` closes: of a RUN alone the source too, where RUN has it for
    the same backend."""
    openings = Openings()
    variants = [_variant(one, config, opened, openings, listener) for one in given]
    if config.models:
        return variants
    run, adapted = given[0].run, variants[0]
    source = _source_of(run, adapted.engines.name)
    if source is None:
        if run.folder:
            listener(Warned("the run has no source model for %s: the adapted one is measured alone"
                            % adapted.engines.name))
        return variants
    manifest = manifest_of(source)
    before = openings.open(_opening(source, adapted.engines.name, config), manifest, listener)
    opened.enter_context(before.engines)
    return [Variant("source", before.engines, manifest, None, (before.peak_bytes, before.kept_bytes)), adapted]


def _variant(given: Given, config: BenchConfig, opened: contextlib.ExitStack, openings: Openings,
             listener: OnEvent) -> Variant:
    run = given.run
    foreign = ForeignFlags() if config.models and not _is_foreign(run) else config.foreign
    asked = Asked(foreign, config.profile, _line(config), "" if config.data else "--profile or --data")
    manifest, network = onnx_manifest(run, asked, listener), None
    if manifest is None:
        manifest, network = facts_of(run, config.data, config.model, listener, with_p=not config.profile)
    refuse_ratio(run.path, manifest, given.ratio)
    profile = load_profile(config.profile) if config.profile else manifest.profile
    if profile is None and manifest.only_size is None and given.ratio is None:
        listener(Note("%s carries no profile: every image runs at full size (--profile gives one)"
                      % ("the model" if not config.models else given.name)))
    own = openings.open(_opening(run, config.backend, config, network), manifest, listener)
    opened.enter_context(own.engines)
    taken = (own.peak_bytes, own.kept_bytes) if network is None else (None, None)  # it was here before
    return Variant(given.name, own.engines, manifest, profile, taken, given.ratio)


def _opening(run: Run, backend: str, config: BenchConfig, network: Any = None) -> Callable[[OnEvent], Engines]:
    return lambda on_event: open_engines(run, backend, config.model, on_event, network, config.precision)


def _is_foreign(run: Run) -> bool:
    return run.model_onnx is not None and METADATA_KEY not in read_metadata(run.model_onnx)


def _line(config: BenchConfig) -> str:
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
