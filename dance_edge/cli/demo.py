"""`dance-edge demo`: every part once, on street scenes that are drawn here: by day, and by night in fog."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import click

from dance_edge.cli.options import json_option
from dance_edge.events import OnEvent

FORMAT = 1
MARK = "demo.json"  # in the demo's folder: that it is ours, and how it was begun
PARTS = ("day", "night", "scan", "source", "adapted")


class Course(NamedTuple):
    """How much is drawn, and how long is trained."""

    size: Tuple[int, int]  # height, width
    train: int
    val: int
    frames: int
    batch_size: int
    source_steps: int
    source_rate: float
    adapt_steps: int
    adapt_rate: float
    bench_images: int


FULL = Course((160, 256), 320, 64, 120, 8, 160, 0.03, 160, 0.03, 32)
TINY = Course((64, 96), 12, 4, 8, 4, 2, 0.01, 2, 0.01, 4)
INDICATOR = "weber"  # the night has little contrast: by Eq. 1 its darkest streets would hardly be learnt from


class DemoConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    out: str
    seed: int
    tiny: bool
    fresh: bool
    json_path: Optional[str]


@click.command("demo")
@click.option("--out", metavar="DIR", default="runs/demo", show_default=True, help="Where everything goes.")
@click.option("--seed", type=click.IntRange(min=0, max=1 << 30), default=0, show_default=True, metavar="N",
              help="Other streets, another training.")
@click.option("--tiny", is_flag=True, help="Seconds instead of minutes, to see that it runs; its scores mean nothing.")
@click.option("--fresh", is_flag=True, help="Begin anew where DIR holds a demo already.")
@json_option
def command(**flags: Any) -> None:
    """Watch a model meet another world: trained by day, lost by night, adapted, slimmed and served.

    Street scenes with exact labels are drawn by day and by night in fog. A small network learns the day and is scored
    on the night; adapt brings it there, smaller and with fewer channels. The result is exported, serves a drive through
    the night, and is held against what it came from. Started again, it makes only what is missing.
    """
    _demo(DemoConfig(**flags))


def _demo(config: DemoConfig) -> None:
    import os
    import time

    from dance_edge.cli.output import write_json

    started_s = time.monotonic()
    course = TINY if config.tiny else FULL
    _claim(config, course)
    _draw(config, course)
    _scan(config)
    source = _train(config, course)
    adapted = _adapt(config, course)
    served = _serve(config)
    inference = {one["name"]: one for one in _bench(config, course)}
    models = [dict(scores, **inference[name]) for name, scores in (("source", source), ("adapted", adapted))]
    result = {"format": FORMAT, "out": config.out, "models": models, "served": served,
              "duration_s": time.monotonic() - started_s,
              "files": {name: os.path.join(config.out, path) for name, path in FILES}}
    if config.json_path:
        write_json(config.json_path, result)
    _print(result, config)


FILES = (("model", "adapted/model.onnx"), ("report", "adapted/report.html"), ("bench", "adapted/bench.md"),
         ("video", "overlay.mp4"), ("frames", "frames.jsonl"), ("scan", "scan/contact_sheet.png"), ("data", "night"))


def _claim(config: DemoConfig, course: Course) -> None:
    """Make the folder ours: a new one, an earlier demo to go on with, or with `fresh` one to clear."""
    import os
    import shutil

    from dance_edge.atomic import sweep
    from dance_edge.errors import ConfigError
    from dance_edge.run import hardly_begun, read_json, write_json

    mark, begun = os.path.join(config.out, MARK), {"seed": config.seed, "tiny": config.tiny}
    if os.path.exists(mark):
        earlier = {name: read_json(mark).get(name) for name in begun}
        if config.fresh:
            for part in PARTS:
                shutil.rmtree(os.path.join(config.out, part), ignore_errors=True)
        elif earlier != begun:
            raise ConfigError("%s holds a demo with other settings: %s" % (config.out, earlier),
                              "give the same, --fresh to begin anew, or another --out")
    elif os.path.exists(config.out) and (not os.path.isdir(config.out) or not hardly_begun(config.out, MARK)):
        raise ConfigError("%s holds other things than a demo" % config.out, "give a new folder with --out")
    os.makedirs(config.out, exist_ok=True)
    write_json(mark, dict(begun, format=FORMAT, course=dict(course._asdict())))
    sweep(config.out)


def _draw(config: DemoConfig, course: Course) -> None:
    import os
    import shutil

    from dance_edge.cli.progress import Listener
    from dance_edge.data.streets import DOMAINS, write_clip, write_streets
    from dance_edge.size import Size

    with Listener() as listener:
        _say(listener, 1, "draw %d + %d streets by day, as many others by night, and a drive through the night"
             % (course.train, course.val))
        for number, domain in enumerate(DOMAINS):
            folder = _path(config, domain)
            if not os.path.exists(os.path.join(folder, "classes.json")):  # the last thing that is written
                shutil.rmtree(folder, ignore_errors=True)
                write_streets(folder, domain, course.train, course.val, Size(*course.size), 2 * config.seed + number,
                              listener)
        write_clip(_path(config, "drive.mp4"), "night", course.frames, Size(*course.size), config.seed + 3, listener)


def _scan(config: DemoConfig) -> None:
    from dance_edge.cli.progress import Listener
    from dance_edge.cli.scan import ScanConfig, run_scan
    from dance_edge.events import Note

    with Listener() as listener:
        _say(listener, 2, "scan the night: how much is there to see in each image?")
        night = ScanConfig(_path(config, "night"), None, INDICATOR, _path(config, "scan"), False, None)
        result, _ = run_scan(night, listener)
        listener(Note("complexity of the night: mean %.3f, Maxwell loc %.3f, scale %.3f, KS distance %.3f"
                      % (result["mean"], result["loc"], result["scale"], result["ks_distance"])))


def _train(config: DemoConfig, course: Course) -> Dict[str, Any]:
    """The source: plain training on the day, at full size. Scored on both domains."""
    from dance_edge.cli.adapting import run_adapt
    from dance_edge.cli.progress import Listener
    from dance_edge.events import Note
    from dance_edge.report.numbers import percent
    from dance_edge.training.config import AdaptConfig

    with Listener() as listener:
        _say(listener, 3, "train a source model on the day, from scratch")
        facts = run_adapt(AdaptConfig(
            target=_path(config, "day"), out=_path(config, "source"), model="bisenet", slim=False, seed=config.seed,
            steps=course.source_steps, batch_size=course.batch_size, learning_rate=course.source_rate), listener)
        night = _score(_path(config, "source"), _path(config, "night"), listener)
        listener(Note("the source has %s mIoU by day and %s by night" % (percent(facts["miou_after"]), percent(night))))
    return {"miou_night": night, "miou_day": facts["miou_after"]}


def _adapt(config: DemoConfig, course: Course) -> Dict[str, Any]:
    from dance_edge.cli.adapting import run_adapt
    from dance_edge.cli.progress import Listener
    from dance_edge.events import Note
    from dance_edge.report.numbers import percent
    from dance_edge.training.config import AdaptConfig

    with Listener() as listener:
        _say(listener, 4, "adapt it to the night: simple images smaller, rarer and lighter, fewer channels; "
                          "then export")
        facts = run_adapt(AdaptConfig(
            target=_path(config, "night"), source=_path(config, "source"), out=_path(config, "adapted"),
            seed=config.seed, steps=course.adapt_steps, batch_size=course.batch_size, indicator=INDICATOR,
            learning_rate=course.adapt_rate, stages=1, pruning_ratio=0.2), listener)
        day = _score(_path(config, "adapted"), _path(config, "day"), listener)
        listener(Note("the adapted model has %s mIoU by night, trained on %s of the pixels offered"
                      % (percent(facts["miou_after"]), percent(facts["pixels_ratio_offered"]))))
    return {"miou_night": facts["miou_after"], "miou_day": day}


def _score(run_path: str, data: str, listener: OnEvent) -> float:
    from dance_edge.cli.evaluate import EvalConfig, score
    from dance_edge.run import open_run

    config = EvalConfig(run_path=run_path, data=data, layout=None, split=None, label_map=None, ratio=None, curve=False,
                        upsample="labels", profile=None, backend="auto", precision="auto", model=None, json_path=None)
    return float(score(open_run(run_path), config, listener)["miou"])


def _serve(config: DemoConfig) -> Dict[str, Any]:
    from dance_edge.cli.progress import Listener
    from dance_edge.cli.serve import ServeConfig, run_serve
    from dance_edge.errors import Interrupted
    from dance_edge.interrupt import StopRequest

    with Listener() as listener, StopRequest() as stop:
        _say(listener, 5, "serve the drive: each frame at the size that its complexity asks for")
        served = run_serve(ServeConfig(
            run_path=_path(config, "adapted"), video=_path(config, "drive.mp4"), camera=None, realtime=False,
            frames=None, out=_path(config, "overlay.mp4"), log=_path(config, "frames.jsonl"), profile=None,
            backend="auto", precision="auto", model=None, json_path=None), stop, listener)
    if stop.exit_code:
        raise Interrupted("stopped while serving", "go on with the same command", stop.exit_code)
    return served


def _bench(config: DemoConfig, course: Course) -> List[Dict[str, Any]]:
    from dance_edge.cli.bench_config import BenchConfig
    from dance_edge.cli.bench_pages import write_pages
    from dance_edge.cli.benching import run_bench
    from dance_edge.cli.progress import Listener

    with Listener() as listener:
        _say(listener, 6, "bench both models")
        benched = run_bench(BenchConfig(_path(config, "adapted"), images=course.bench_images, rounds=1), listener)
        write_pages(benched, listener)
    return [one.to_dict() for one in benched.found.measured]


def _print(result: Dict[str, Any], config: DemoConfig) -> None:
    """The table last: whatever reads it takes the last rows of these names."""
    from dance_edge.cli.output import say, table
    from dance_edge.cli.progress import duration
    from dance_edge.energy.reading import reading_from_dict
    from dance_edge.report.joules import cell, kind
    from dance_edge.report.numbers import percent

    sizes = sorted(result["served"]["sizes"].items(), key=lambda one: [int(side) for side in one[0].split("x")])
    lines = ["drive     %d frames, by size: %s" % (result["served"]["frames"],
                                                   ", ".join("%s: %d" % one for one in sizes))]
    lines += ["%-9s %s" % one for one in result["files"].items()]
    lines += ["took      " + duration(result["duration_s"]),
              "In the table the source runs at full size, the adapted model at each image's own."]
    for line in lines:
        say(line, config.json_path)
    energies = [reading_from_dict(one["energy"]) for one in result["models"]]
    table(("model", "mIoU night", "mIoU day", "GMAC", "M params", "p50 ms", "J an image", "energy"),
          [(one["name"], percent(one["miou_night"]), percent(one["miou_day"]),
            "%.2f" % one["macs_g"], "%.2f" % one["params_m"], "%.1f" % one["latency_ms"]["p50"],
            cell(energy), kind(energy)) for one, energy in zip(result["models"], energies)],
          json_path=config.json_path)


def _path(config: DemoConfig, name: str) -> str:
    import os

    return os.path.join(config.out, name)


def _say(listener: OnEvent, number: int, text: str) -> None:
    from dance_edge.events import Note

    listener(Note("[%d/6] %s" % (number, text)))
