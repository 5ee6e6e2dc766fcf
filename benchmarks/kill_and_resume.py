"""Does a run that is killed at any moment, and started again, end with the weights of one that was left alone?

    kill_and_resume.py [KILLS [SEED]]

A short adaptation gets SIGKILL at KILLS moments (50), drawn evenly over the time that it takes when left alone. Every
other time its workers die with it, as when the power goes; else the process alone, as by `kill -9 PID` or for want of
memory. The same command is started again at once, and what it leaves is compared with what the run left that was never
killed: every tensor of model.pt bit for bit, and the files by name. Exits with 1 where anything differs.
"""
import collections
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, List, NamedTuple, Optional

import dance_edge
from dance_edge.data.streets import write_streets
from dance_edge.run import FINISHED, read_state
from dance_edge.size import Size
from dance_edge.tensor_file import load_tensors
from dance_edge.training.resume import newest_checkpoint

STEPS = 40
SETTINGS = ("--model", "killed_network:make", "--target", "town", "--steps", str(STEPS), "--batch-size", "3",
            "--stages", "3", "--pruning-ratio", "0.5", "--criterion", "taylor", "--scope", "all",
            "--checkpoint-every", "2", "--workers", "1")
# Two branches that are added, so that channels leave in pairs, and random numbers in every step.
NETWORK = '''
from torch import nn


def block(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU())


class Network(nn.Module):
    stride = 8

    def __init__(self, num_classes):
        super().__init__()
        self.stem = nn.Sequential(block(3, 24, 2), nn.Dropout(0.2), block(24, 48, 2))
        self.left, self.right = block(48, 48), block(48, 48)
        self.drop, self.out = nn.Dropout(0.2), nn.Conv2d(48, num_classes, 1)

    def forward(self, x):
        x = self.stem(x)
        return self.out(self.drop(self.left(x) + self.right(x)))


def make(num_classes):
    return Network(num_classes)
'''


class Place(NamedTuple):
    """How far a run had come when it was killed; `step` is the checkpoint's that it has to go on from."""

    words: str
    step: Optional[int]
    trained: bool


class Outcome(NamedTuple):
    """A kill and what came of it; `faults` are the tensors that differ, and whatever else is wrong."""

    moment_s: float
    whole_group: bool
    place: Place
    faults: List[str]

    def line(self):
        """For people."""
        goes_on = "from step %d" % self.place.step if self.place.step is not None else "from the beginning"
        return "%6.2f s  %-12s  %-26s  went on %-18s  %s" % (
            self.moment_s, "with workers" if self.whole_group else "alone", self.place.words,
            "after training" if self.place.trained else goes_on, ", ".join(self.faults) or "equal")


class Trial:
    """A folder with a small data set, a network, and a run that nobody killed."""

    def __init__(self, folder):
        self.folder = folder
        write_streets(os.path.join(folder, "town"), "day", 12, 4, Size(64, 96), 0)
        with open(os.path.join(folder, "killed_network.py"), "w") as file:
            file.write(NETWORK.lstrip())
        started_s = time.monotonic()
        fault = self.fault_at_end(self.start("whole"))
        self.whole_s = time.monotonic() - started_s
        if fault:
            raise SystemExit(fault)

    def start(self, out):
        """Start the run that goes to `out`, or go on with it, in a process group of its own."""
        root = os.path.dirname(os.path.dirname(os.path.abspath(dance_edge.__file__)))
        user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        paths = [root] + os.environ.get("PYTHONPATH", "").split(os.pathsep)
        # a cache of scans of each run's own, so that each of them scans; only on CPUs equal work gives equal bits
        environment = dict(
            os.environ, PYTHONPATH=os.pathsep.join(path for path in paths if path), CUDA_VISIBLE_DEVICES="",
            OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
            LC_ALL=os.environ.get("LC_ALL") or "C.UTF-8", XDG_CACHE_HOME=os.path.join(self.folder, out + ".cache"),
            MPLCONFIGDIR=os.environ.get("MPLCONFIGDIR") or os.path.join(user_cache, "matplotlib"))
        with open(self.path(out + ".txt"), "w") as said:  # a pipe would be held open by workers that are left behind
            return subprocess.Popen([sys.executable, "-m", "dance_edge", "adapt"] + list(SETTINGS) + ["--out", out],
                                    cwd=self.folder, env=environment, start_new_session=True, stdout=said, stderr=said)

    def fault_at_end(self, process):
        """Wait for a process that `start` began; what it said where it failed, "" where it ended well or was killed."""
        if process.wait() in (0, -signal.SIGKILL):
            return ""
        with open(self.path(process.args[-1] + ".txt")) as file:
            return "exit code %d: %s" % (process.returncode, file.read().strip())

    def path(self, *names):
        """Of something in the folder."""
        return os.path.join(self.folder, *names)

    def kill(self, due, whole_group):
        """Begin a run anew and kill it as soon as `due(seconds)`; None where it had ended by then."""
        for left in ("killed", "killed.cache", "runs"):
            shutil.rmtree(self.path(left), ignore_errors=True)
        started_s = time.monotonic()
        process = self.start("killed")
        while process.poll() is None and not due(time.monotonic() - started_s):
            time.sleep(0.001)
        moment_s = time.monotonic() - started_s
        if process.poll() is None:
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        fault = self.fault_at_end(process)
        if process.returncode == 0:
            return None
        place = place_of(self.path("killed"))
        fault = fault or self.fault_at_end(self.start("killed"))
        return Outcome(moment_s, whole_group, place, [fault] if fault else self.faults(place))

    def faults(self, place):
        """What is wrong with a run that was killed at `place` and went on to its end."""
        state = read_state(self.path("killed"))
        faults = [] if state["state"] == FINISHED else ["run.json says " + state["state"]]
        if not place.trained and state["facts"]["resumed_from_step"] != place.step:
            faults.append("resumed from step %s" % state["facts"]["resumed_from_step"])
        if os.path.realpath(self.path("runs", "latest")) != os.path.realpath(self.path("killed")):
            faults.append("runs/latest is not this run")
        whole, again = (load_tensors(self.path(run, "model.pt"))["state_dict"] for run in ("whole", "killed"))
        faults += [name for name in sorted(set(whole) | set(again)) if not same_bits(whole.get(name), again.get(name))]
        left, right = (files_of(self.path(run)) for run in ("whole", "killed"))
        return faults + ["missing: " + name for name in left - right] + ["left over: " + name for name in right - left]


def place_of(run):
    """How far the run in the folder `run` has come."""
    state = read_state(run)
    newest = newest_checkpoint(run)
    step = int(newest[-9:-3]) if newest else None
    if "facts" in state:
        return Place("at the end" if state["state"] == FINISHED else "export and report", step, True)
    if step == STEPS:
        return Place("evaluation and model", step, False)
    if step is not None:
        return Place("training", step, False)
    return Place("before the first checkpoint" if state else "before the run began", None, False)


def same_bits(one: Any, other: Any):
    """Whether two tensors are there and equal bit for bit: -0.0 is not 0.0."""
    return (one is not None and other is not None and one.dtype == other.dtype and one.shape == other.shape
            and one.numpy().tobytes() == other.numpy().tobytes())


def files_of(run):
    """Every file of a run by its path in it."""
    return {os.path.relpath(os.path.join(inner, name), run) for inner, _, names in os.walk(run) for name in names}


def main():
    kills, seed = (int(one) for one in (sys.argv[1:] + ["50", "0"][len(sys.argv) - 1:])[:2])
    moments = random.Random(seed)
    outcomes: List[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
        trial = Trial(folder)
        print("left alone: %d steps, %.1f s" % (STEPS, trial.whole_s), flush=True)
        while len(outcomes) < kills:
            moment_s = moments.uniform(0.0, trial.whole_s)
            outcome = trial.kill(lambda now_s, at_s=moment_s: now_s >= at_s, len(outcomes) % 2 == 0)
            if outcome is not None:  # else this one was faster, and is not counted
                outcomes.append(outcome)
                print("%3d  %s" % (len(outcomes), outcome.line()), flush=True)
    places = collections.Counter(one.place.words for one in outcomes)
    wrong = sum(1 for one in outcomes if one.faults)
    print("%d kills (%s): %d ended equal, %d did not" % (
        kills, ", ".join("%d %s" % (count, words) for words, count in places.most_common()), kills - wrong, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
