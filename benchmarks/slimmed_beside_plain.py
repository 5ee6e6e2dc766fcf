"""Is a model better adapted by DANCE than by plain fine-tuning? One table, with the spread over seeds.

    slimmed_beside_plain.py FOLDER [SEEDS [STEPS [SOURCE_EPOCHS]]]

BiSeNet learns Indian roads (IDD Lite) from scratch, once, and meets Cambridge (CamVid) with SEEDS seeds (3) three ways:
slimmed, with all of DANCE's parts, for STEPS steps (80) of 8 images; plainly, for as many steps; and plainly, for as
many multiply-accumulates as the slimmed run took. Both data sets come from `DANCE_EDGE_DATA`.

Hours: what is finished in FOLDER stays, a run that was interrupted goes on, and seed by seed the table is printed anew.
Wall time is of the machine as it was; the joules are those that the TX2 model estimates where no sensor is.
"""
import os
import subprocess
import sys
from typing import Any, Dict, List, NamedTuple, Sequence

from dance_edge.run import read_json

PLAIN = ("--no-slimming",)
SLIMMED = ("--indicator", "weber", "--stages", "2", "--pruning-ratio", "0.2")
COMMON = ("--label-map", "camvid11-to-idd7", "--lr", "0.01", "--batch-size", "8")


class Way(NamedTuple):
    """One row of the table: the reports of its runs, one a seed."""

    name: str
    reports: List[Dict[str, Any]]


def main(folder: str, seeds: int = 3, steps: int = 80, source_epochs: int = 4) -> None:
    """Run what is missing in `folder`, and print the table after every seed."""
    data = os.environ["DANCE_EDGE_DATA"]
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "source")
    learned = _adapt(source, "--model", "bisenet", "--target", os.path.join(data, "idd_lite"), "--lr", "0.02",
                     "--batch-size", "16", "--epochs", str(source_epochs), *PLAIN)
    print("source: %.1f mIoU on its own validation images after %d epochs" % (
        100.0 * learned["miou_after"], source_epochs))
    ways = (Way("slimmed", []), Way("plain, as many steps", []), Way("plain, as many MACs", []))
    for seed in range(seeds):
        common = ("--source", source, "--target", os.path.join(data, "camvid"), "--steps", str(steps),
                  "--seed", str(seed)) + COMMON
        names = [os.path.join(folder, "%s-%d" % (name, seed)) for name in ("slimmed", "steps", "macs")]
        slimmed = _adapt(names[0], *(common + SLIMMED))
        for way, report in zip(ways, (
                slimmed, _adapt(names[1], *(common + PLAIN)),
                _adapt(names[2], *(common + PLAIN + ("--macs", "%.9gP" % slimmed["macs_p"]))))):
            way.reports.append(report)
        print("\n".join(table(ways)), flush=True)


def _adapt(out: str, *arguments: str) -> Dict[str, Any]:
    """The report of the run in `out`, which is begun or gone on with where it is not there yet."""
    report = os.path.join(out, "report.json")
    if not os.path.exists(report):
        subprocess.check_call([sys.executable, "-m", "dance_edge", "adapt", "--out", out] + list(arguments))
    return read_json(report)


def table(ways: Sequence[Way]) -> List[str]:
    """Markdown: each figure's mean over the seeds and, where they differ, its least and greatest."""
    source = ways[0].reports[0]["before"]
    rows = ["| %d seed(s) | mIoU as deployed, %% | pixels at run time, %% | of those offered in training, %% "
            "| training, TMAC | wall time, min | energy of the training, estimated, kJ |" % len(ways[0].reports),
            "|---|---|---|---|---|---|---|",
            "| source | %.1f | %.0f | | | | |" % (100.0 * source["miou"], 100.0 * source["pixels_ratio"])]
    for name, reports in ways:
        figures = [
            _spread([100.0 * one["miou_after"] for one in reports], 1),
            _spread([100.0 * one["after"]["pixels_ratio"] for one in reports], 0),
            _spread([100.0 * one["pixels_ratio_offered"] for one in reports], 0),
            _spread([1e3 * one["macs_p"] for one in reports], 1),
            _spread([one["duration_s"] / 60.0 for one in reports], 1),
            _spread([one["energy_j"] / 1e3 for one in reports], 2)]
        steps = _spread([one["steps"] for one in reports], 0)
        rows.append("| %s, %s steps | %s |" % (name, steps, " | ".join(figures)))
    return rows


def _spread(values: Sequence[float], digits: int) -> str:
    mean, least, most = ("%.*f" % (digits, value) for value in (sum(values) / len(values), min(values), max(values)))
    return mean if least == most else "%s (%s to %s)" % (mean, least, most)


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:]))
