"""`dance-edge bench`: what an image costs, in time, MACs and joules, for the source and for the adapted model."""
from typing import Any, Dict, List, NamedTuple, Optional

import click

from dance_edge.cli import options

FORMAT = 1
IMAGES = 16
INTERVAL_S = 0.5  # between samples of power: a turn is seconds long


class BenchConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    data: Optional[str]
    images: int
    profile: Optional[str]
    backend: str
    precision: str
    model: Optional[str]
    json_path: Optional[str]
    foreign: options.ForeignFlags = options.ForeignFlags()


@click.command("bench")
@options.run_argument
@options.data_option
@click.option("--images", type=click.IntRange(min=1), default=IMAGES, show_default=True, metavar="N",
              help="Images to take, and to time at least in each of a network's two turns.")
@options.profile_option
@options.foreign_options
@options.backend_option
@options.precision_option
@options.model_option
@options.json_option
def command(**flags: Any) -> None:
    """Measure latency, MACs and joules of an image, for the source and the adapted model in turn.

    RUN is a run folder, an .onnx or a .pt file; runs/latest where it is left out. The source runs at full size, the
    adapted model at each image's own. Every joule says whether it was measured (jtop, INA3221) or estimated (a model
    of a TX2). The result is written to RUN/bench.md and RUN/bench.json too. Of an ONNX file that comes from elsewhere,
    flags say what it does not; its MACs are not known, and so nothing is estimated from them.

    \b
      dance-edge bench
      dance-edge bench runs/latest --data bdd/ --json bench.json
    """
    foreign = options.take_foreign(flags)
    _bench(BenchConfig(foreign=foreign, **flags))


def _bench(config: BenchConfig) -> None:
    from dance_edge.cli.output import say, write_json
    from dance_edge.cli.progress import Listener

    with Listener() as listener:
        benched = run_bench(config, listener)
    say("bench over %s" % benched.result["images"], config.json_path)
    if config.json_path:
        write_json(config.json_path, benched.result)
    _print(benched, config)


class Benched(NamedTuple):
    """`result` has the keys of `bench --json`; `folder` is the run's, if it has one."""

    result: Dict[str, Any]
    measured: Any
    cost: Any
    folder: Optional[str]


def run_bench(config: BenchConfig, listener: Any) -> Benched:
    """Measure, and write bench.md and bench.json into the run. Nothing is printed."""
    import contextlib
    import tempfile

    from dance_edge.bench import training
    from dance_edge.bench.disturbance import Disturbance
    from dance_edge.bench.inference import measure
    from dance_edge.cli.backend import as_run_by
    from dance_edge.energy.meter import EnergyMeter
    from dance_edge.energy.sensors import open_sensor
    from dance_edge.events import Warned
    from dance_edge.run import open_run

    run = as_run_by(open_run(config.run_path), config.backend)
    cost = training.of_run(run.folder)
    with tempfile.TemporaryDirectory(prefix="dance-edge-bench-") as scratch, contextlib.ExitStack() as opened:
        variants = _variants(run, config, opened, listener)
        images = _images(run, variants[-1], config, scratch, listener)
        sensor = open_sensor("auto", listener, INTERVAL_S)
        try:
            with EnergyMeter(sensor, INTERVAL_S, listener) as meter, Disturbance() as others:
                measured = measure(variants, images.paths, config.images, meter, listener)
        finally:
            if sensor is not None:
                sensor.close()
        if others.warning():
            listener(Warned(others.warning()))
    result = {"format": FORMAT, "run": run.path, "images": images.origin, "others_share": others.share,
              "warnings": list(listener.warnings), "inference": [one.to_dict() for one in measured],
              "training": cost.to_dict()}
    benched = Benched(result, measured, cost, run.folder)
    _write_to_run(benched, listener)
    return benched


def _variants(run: Any, config: BenchConfig, opened: Any, on_event: Any) -> List[Any]:
    """The source, where RUN has it for the same backend, and the adapted model; `opened` closes their engines."""
    from dance_edge.bench.inference import Variant
    from dance_edge.cli.backend import facts_of, manifest_of, open_engines
    from dance_edge.cli.foreign_onnx import Asked, onnx_manifest
    from dance_edge.complexity.profile import load_profile
    from dance_edge.events import Note, Warned

    asked = Asked(config.foreign, config.profile, _line(config), "" if config.data else "--profile or --data")
    manifest, network = onnx_manifest(run, asked, on_event), None
    if manifest is None:
        manifest, network = facts_of(run, config.data, config.model, on_event, with_p=not config.profile)
    profile = load_profile(config.profile) if config.profile else manifest.profile
    if profile is None and manifest.only_size is None:
        on_event(Note("the model carries no profile: every image runs at full size (--profile gives one)"))
    engines = opened.enter_context(open_engines(run, config.backend, config.model, on_event, network, config.precision))
    adapted = Variant("adapted", engines, manifest, profile)
    source = _source_of(run, engines.name)
    if source is None:
        if run.folder:
            on_event(Warned("the run has no source model for %s: the adapted one is measured alone" % engines.name))
        return [adapted]
    before = opened.enter_context(open_engines(source, engines.name, config.model, on_event,
                                               precision=config.precision))
    return [Variant("source", before, manifest_of(source), None), adapted]


def _line(config: BenchConfig) -> str:
    """The command as it was typed, but for what describes the network."""
    import shlex

    words = ["bench", config.run_path or ""] + (["--data", config.data] if config.data else [])
    return " ".join(shlex.quote(word) for word in words if word)


def _source_of(run: Any, backend: str) -> Any:
    """The model as it came, as a RUN of its own; None where the run has no file of it for `backend`."""
    import os

    from dance_edge.run import open_run

    path = run.source_onnx
    if backend == "torch" and run.folder:
        path = os.path.join(run.folder, "source.pt")
    return open_run(path) if path and os.path.isfile(path) else None


def _images(run: Any, adapted: Any, config: BenchConfig, scratch: str, on_event: Any) -> Any:
    from dance_edge.bench import images
    from dance_edge.events import Note

    if config.data:
        return images.of_folder(config.data, config.images, on_event)
    found = images.of_run(run.state(), config.images, on_event)
    if found is not None:
        return found
    on_event(Note("no images of the run's data here: drawn ones take their place (--data DIR gives real ones)"))
    return images.drawn(scratch, config.images, adapted.manifest.image_size, adapted.profile)


def _write_to_run(benched: Benched, on_event: Any) -> None:
    import os

    from dance_edge.atomic import replace_file
    from dance_edge.bench.compare import markdown
    from dance_edge.cli.output import write_json
    from dance_edge.errors import ConfigError
    from dance_edge.events import Warned

    folder, result = benched.folder, benched.result
    if folder is None:
        return
    try:
        write_json(os.path.join(folder, "bench.json"), result)
        with replace_file(os.path.join(folder, "bench.md")) as file:
            page = markdown(benched.measured, benched.cost, result["images"], result["warnings"])
            file.write(page.encode("utf-8"))
    except (OSError, ConfigError) as reason:  # a run on a read-only disk can be measured all the same
        on_event(Warned("bench.md and bench.json were not written: %s" % reason))


def _print(benched: Benched, config: BenchConfig) -> None:
    import os

    from dance_edge.bench.compare import COLUMNS, energy_line, rows, savings, training_line
    from dance_edge.cli.output import say, table

    measured = benched.measured
    table(COLUMNS, rows(measured), json_path=config.json_path)
    lines = [savings(measured), training_line(benched.cost)]
    lines += ["%s: %s" % (one.name, energy_line(one)) for one in measured]
    for line in lines:
        if line:
            say(line, config.json_path)
    if benched.folder:
        say("report: %s" % os.path.relpath(os.path.join(benched.folder, "bench.md")), config.json_path)
