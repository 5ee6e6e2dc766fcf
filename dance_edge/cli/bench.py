"""`dance-edge bench`: what an image costs, in time, MACs and joules, for the source and for the adapted model."""
from typing import Any

import click

from dance_edge.bench.defaults import IMAGES, ROUNDS
from dance_edge.cli import options
from dance_edge.cli.bench_config import BenchConfig


@click.command("bench")
@options.run_argument
@click.option("--models", multiple=True, metavar="PATH[@R]",
              help="Compare several RUNs or files; the first is what the others are held against. PATH@0.75 takes all "
                   "its images at 0.75 per side, PATH@1 at full size.")
@options.data_option
@options.label_map_option
@click.option("--images", type=click.IntRange(min=1), default=IMAGES, show_default=True, metavar="N",
              help="Images to take, and to time at least in each of a network's turns.")
@click.option("--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True, metavar="N",
              help="How often the networks take turns, there and back: A B B A.")
@click.option("--idle", type=click.FloatRange(min=0.0), metavar="SECONDS",
              help="Do nothing first, as the baseline of net joules; with a sensor 5, 0 for none.")
@click.option("--train-steps", type=click.IntRange(min=0), default=0, metavar="N",
              help="Measure N optimizer steps of RUN's training too, 2 at least, and extrapolate to all of it; of "
                   "several --models the last one's. Needs PyTorch.")
@click.option("--against", metavar="OLD.json", help="Say what changed since an earlier bench.json, beyond noise.")
@click.option("--paper", is_flag=True, help="Lay the savings beside those of the paper's Tables 1 to 3.")
@click.option("--out", metavar="DIR", help="Where bench.md, .json, .html and the trace go; default RUN, where that is "
                                            "a folder. With --models, or for a file alone, nothing is written "
                                            "without it.")
@options.profile_option
@options.foreign_options
@options.backend_option
@options.precision_option
@options.model_option
@options.power_option
@options.json_option
def command(**flags: Any) -> None:
    """Measure latency, MACs and joules of an image, for the source and the adapted model in turn.

    RUN is a run folder, an .onnx or a .pt file; runs/latest where it is left out. The source runs at full size, the
    adapted model at each image's own. Every joule says whether it was measured, by which sensor, or estimated (a model
    of a TX2). Where RUN is a folder the result is written to RUN/bench.md, bench.html and bench.json too; of a file
    alone and of --models it is shown, and written with --out DIR or --json PATH only. Of an ONNX file that comes from
    elsewhere, flags say what it does not; its MACs are not known, and so nothing is estimated from them.

    \b
      dance-edge bench
      dance-edge bench runs/latest --data bdd/ --json bench.json
      dance-edge bench --models plain/ --models runs/latest@1 --models runs/latest --data bdd/
    """
    foreign = options.take_foreign(flags)
    _bench(BenchConfig(foreign=foreign, **flags))


def _bench(config: BenchConfig) -> None:
    from dance_edge.cli.bench_pages import show, write_pages
    from dance_edge.cli.benching import run_bench
    from dance_edge.cli.output import say, write_json
    from dance_edge.cli.progress import Listener

    with Listener() as listener:
        benched = run_bench(config, listener)
        written = write_pages(benched, listener)
    say("bench over %s" % benched.found.images, config.json_path)
    if config.json_path:
        write_json(config.json_path, benched.result())
    show(benched, config.json_path)
    if written:
        say("report: %s" % written, config.json_path)
    if benched.failure is not None:
        raise benched.failure
