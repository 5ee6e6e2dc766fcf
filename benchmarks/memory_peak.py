"""How much memory does a training run hold at most, beside the budget that it was given? A whole `adapt`, a process."""
import os
import subprocess
import sys
import tempfile

from dance_edge.data.streets import write_streets
from dance_edge.size import Size

SIZE = Size(512, 1024)
STEPS = 2


def main():
    model, budget = (sys.argv[1:] + ["deeplabv3plus", "6GB"][len(sys.argv) - 1:])[:2]
    with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
        target = os.path.join(folder, "streets")
        write_streets(target, "day", 4, 1, SIZE, 0)
        process = subprocess.Popen(
            [sys.executable, "-m", "dance_edge", "adapt", "--model", model, "--target", target, "--no-slimming",
             "--no-scale-crop", "--steps", str(STEPS), "--batch-size", "2", "--workers", "0", "--memory-budget", budget,
             "--out", os.path.join(folder, "run")], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            universal_newlines=True)
        said = process.stderr.read() if process.stderr else ""
        # of this child alone: RUSAGE_CHILDREN remembers those of a shell that became this process
        _pid, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(said)
    lines = [line for line in said.splitlines() if "length:" in line]
    peak = usage.ru_maxrss * 1024.0
    print("%s at %s, --memory-budget %s: %.2f GB resident at most, evaluation and export among it; %s" % (
        model, SIZE.wxh, budget, peak / 1e9, lines[0].strip() if lines else ""))


if __name__ == "__main__":
    main()
