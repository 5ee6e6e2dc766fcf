"""Does a run that is killed at any moment, and started again, end with the weights of one that was left alone?

    kill_and_resume.py [KILLS [SEED [OPTION OF ADAPT...]]]

A short adaptation gets SIGKILL at KILLS moments (50), drawn evenly over the time that it takes when left alone. Every
other time its workers die with it, as when the power goes; else the process alone, as by `kill -9 PID` or for want of
memory. The same command is started again at once, and what it leaves is compared with what the run left that was never
killed: every tensor of model.pt bit for bit, and the files by name. Exits with 1 where anything differs.
Options such as `--order network-first` or `--unstructured` change what is run.
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
from typing import Dict, NamedTuple, Optional

import dance_edge
from dance_edge.data.streets import write_streets
from dance_edge.run import DEPLOYABLE, FINISHED, read_state
from dance_edge.size import Size
from dance_edge.tensor_file import load_tensors
from dance_edge.training.resume import newest_checkpoint

DONE = (FINISHED, DEPLOYABLE)
STEPS = 80
SETTINGS = ("--model", "killed_network:make", "--target", "town", "--batch-size", "3",
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

    moment_s: float
    words: str
    step: Optional[int]
    trained: bool

    def line(self):
        """For people."""
        goes_on = "after training" if self.trained else "after step %d" % self.step if self.step else "from the start"
        return "%6.2f s  %-27s went on %-14s" % (self.moment_s, self.words, goes_on)


class Trial:
    """A folder with a small data set, a network, a run that nobody killed, and one that is killed and goes on."""

    def __init__(self, folder, steps, options=()):
        self.folder, self.steps, self.options = folder, steps, list(options)
        write_streets(self.path("town"), "day", 12, 4, Size(64, 96), 0)
        with open(self.path("killed_network.py"), "w") as file:
            file.write(NETWORK.lstrip())
        started_s = time.monotonic()
        fault = self.fault_at_end(self.start("whole"))
        self.whole_s = time.monotonic() - started_s
        if fault:
            raise SystemExit(fault)

    def path(self, *names):
        """Of something in the folder."""
        return os.path.join(self.folder, *names)

    def start(self, out):
        """Start the run that goes to `out`, or go on with it, in a process group of its own."""
        command = [sys.executable, "-m", "dance_edge", "adapt"] + list(SETTINGS) + self.options
        with open(self.path(out + ".txt"), "w") as said:  # a pipe would be held open by workers that are left behind
            return subprocess.Popen(command + ["--steps", str(self.steps), "--out", out], cwd=self.folder,
                                    env=environment(self.path(out + ".cache")), start_new_session=True,
                                    stdout=said, stderr=said)

    def fault_at_end(self, process):
        """Wait for a process that `start` began; what it said where it failed, "" where it ended well or was killed."""
        if process.wait() in (0, -signal.SIGKILL):
            return ""
        with open(self.path(process.args[-1] + ".txt")) as file:
            return "exit code %d: %s" % (process.returncode, file.read().strip())

    def clear(self):
        """Forget the run that was killed."""
        for left in ("killed", "killed.cache", "runs"):
            shutil.rmtree(self.path(left), ignore_errors=True)

    def kill(self, due, whole_group):
        """Begin a run, or go on with it, and kill it when `due(seconds)`: its place, None where it ended before."""
        started_s = time.monotonic()
        process = self.start("killed")
        while process.poll() is None and not due(time.monotonic() - started_s):
            time.sleep(0.001)
        moment_s = time.monotonic() - started_s
        if process.poll() is None:
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        fault = self.fault_at_end(process)
        if fault:
            raise SystemExit(fault)
        return self.place(moment_s) if process.returncode else None

    def place(self, moment_s):
        """How far the run that was killed has come."""
        run = self.path("killed")
        state, newest = read_state(run), newest_checkpoint(run)
        step = int(os.path.basename(newest)[len("step-"):-len(".pt")]) if newest else None
        if "facts" in state:
            words = "at the end" if state["state"] in DONE else "export and report"
        elif step is not None:
            words = "evaluation and model" if step == self.steps else "training"
        else:
            words = "before the first checkpoint" if state else "before the run's folder"
        return Place(moment_s, words, step, "facts" in state)

    def faults_of(self, place):
        """Go on with what was killed at `place`; the tensors that differ in the end, and whatever else is wrong."""
        fault = self.fault_at_end(self.start("killed"))
        if fault:
            return [fault]
        state = read_state(self.path("killed"))
        faults = [] if state["state"] in DONE else ["run.json says " + state["state"]]
        if not place.trained and state["facts"]["resumed_from_step"] != place.step:
            faults.append("resumed from step %s" % state["facts"]["resumed_from_step"])
        if os.path.realpath(self.path("runs", "latest")) != os.path.realpath(self.path("killed")):
            faults.append("runs/latest is another run")
        whole, again = (load_tensors(self.path(run, "model.pt"))["state_dict"] for run in ("whole", "killed"))
        faults += [name for name in sorted(set(whole) | set(again)) if not same_bits(whole.get(name), again.get(name))]
        left, right = (files_of(self.path(run)) for run in ("whole", "killed"))
        return faults + ["missing: " + name for name in left - right] + ["left over: " + name for name in right - left]


def environment(cache):
    """That of a run: one thread, no GPU (equal work gives equal bits on CPUs), scans of its own under `cache`."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(dance_edge.__file__)))
    paths = [root] + [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    user_cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths), XDG_CACHE_HOME=cache, CUDA_VISIBLE_DEVICES="",
                MPLCONFIGDIR=os.environ.get("MPLCONFIGDIR") or os.path.join(user_cache, "matplotlib"),
                OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1",
                LC_ALL=os.environ.get("LC_ALL") or "C.UTF-8")


def same_bits(one, other):
    """Whether two tensors are there and equal bit for bit: -0.0 is not 0.0."""
    return (one is not None and other is not None and one.dtype == other.dtype and one.shape == other.shape
            and one.numpy().tobytes() == other.numpy().tobytes())


def files_of(run):
    """Every file of a run by its path in it."""
    return {os.path.relpath(os.path.join(inner, name), run) for inner, _, names in os.walk(run) for name in names}


def main():
    kills, seed = (int(one) for one in (sys.argv[1:] + ["50", "0"][len(sys.argv) - 1:])[:2])
    options = sys.argv[3:]
    moments = random.Random(seed)
    places: Dict[str, int] = collections.Counter()
    done = wrong = 0
    with tempfile.TemporaryDirectory(prefix="dance-edge-") as folder:
        trial = Trial(folder, STEPS, options)
        print("left alone: %d steps, %.1f s" % (STEPS, trial.whole_s), flush=True)
        while done < kills:
            moment_s, whole_group = moments.uniform(0.0, trial.whole_s), done % 2 == 0
            trial.clear()
            place = trial.kill(lambda now_s, moment_s=moment_s: now_s >= moment_s, whole_group)
            if place is None:  # it was faster than the one left alone, and is not counted
                continue
            faults = trial.faults_of(place)
            done, wrong = done + 1, wrong + bool(faults)
            places[place.words] += 1
            print("%3d  %s %-12s  %s" % (done, place.line(), "with workers" if whole_group else "alone",
                                         ", ".join(faults) or "equal"), flush=True)
    print("%d kills (%s): %d ended equal, %d did not" % (
        kills, ", ".join("%d %s" % (count, words) for words, count in sorted(places.items())), kills - wrong, wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
