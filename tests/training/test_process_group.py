"""Two processes in one run: real ones, over gloo."""
import json
import os
import shutil
import socket
import subprocess
import sys

import pytest
import torch

from dance_edge.checkpoint import load_tensors
from dance_edge.errors import ConfigError
from dance_edge.events import ignore
from dance_edge.ranks import ALONE
from dance_edge.training.adapt import adapt
from dance_edge.training.config import config_from_dict
from dance_edge.training.process_group import joined
from dance_edge.training.setup import prepare

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT_S = 300.0


def environment():
    paths = [ROOT, HERE] + [one for one in (os.environ.get("PYTHONPATH"),) if one]
    return dict(os.environ, PYTHONPATH=os.pathsep.join(paths), OMP_NUM_THREADS="1")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_rank(rank, count, port, arguments):
    own = dict(environment(), RANK=str(rank), WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    return subprocess.Popen([sys.executable] + arguments, env=own, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def two(small_set, tmp_path_factory):
    """The folder that two_ranks.py ran in, and what each rank saw."""
    folder = tmp_path_factory.mktemp("ranks")
    vanishing = str(folder / "vanishing")
    shutil.copytree(small_set, vanishing)
    port, before = free_port(), os.getcwd()
    os.chdir(str(folder))
    try:
        arguments = [os.path.join(HERE, "two_ranks.py"), small_set, vanishing]
        processes = [start_rank(rank, 2, port, arguments) for rank in (0, 1)]
        said = [process.communicate(timeout=LIMIT_S)[0].decode() for process in processes]
        assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
        yield folder, [json.load(open("%d.json" % rank)) for rank in (0, 1)]
    finally:
        os.chdir(before)


def settings(name):
    """Of one of the script's runs."""
    return config_from_dict(dict(json.load(open(os.path.join(name, "run.json")))["config"]))


def weights(path):
    return load_tensors(path)["state_dict"]


def test_values_errors_and_work_go_around(two):
    _folder, seen = two
    assert [(one["rank"], one["count"], one["first"]) for one in seen] == [(0, 2, True), (1, 2, False)]
    first, second = (one["primitives"] for one in seen)
    assert first.pop("called") == [1] and second.pop("called") == []
    assert first == second
    assert first["sums"] == [[[3.0] * 3] * 2, [8, 5]]
    assert first["told"] == "of 0" and first["gathered"] == [0, 1] and first["lead"] == "led"
    assert first["map"] == [["a", 0], ["b", 1], ["c", 0], ["d", 1], ["e", 0]] and first["empty"] == []
    assert first["errors"] == ["DataError: rank 1; 3", "DataError: rank 0; 3", "DataError: rank 1; 3",
                               "DataError: rank 1; 3", "TooLarge: out of memory with one image of 8x6; 6"]


@pytest.mark.parametrize("name", ["two", "uneven"])
def test_two_ranks_end_with_the_weights_of_one_process_with_the_same_batches(two, name, tmp_path, monkeypatch):
    folder, seen = two
    before = weights(str(folder / name / "source.pt"))
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(HERE)
    facts = adapt(settings(name)._replace(out=str(tmp_path / "one"))).facts
    shared = seen[0]["alike" if name == "two" else name]["facts"]
    one, both = weights(str(tmp_path / "one" / "model.pt")), weights(os.path.join(name, "model.pt"))
    assert {key: value.shape for key, value in one.items()} == {key: value.shape for key, value in both.items()}
    assert any(value.shape != before[key].shape for key, value in one.items())  # pruned, and the same channels
    furthest = max(float((one[key].double() - both[key].double()).abs().max()) for key in one)
    moved = max(float((one[key] - before[key]).abs().max()) for key in one if one[key].shape == before[key].shape
                and one[key].is_floating_point())
    assert furthest < min(1e-5, moved / 20.0)
    for count in ("steps", "images_offered", "images_kept", "pixels_ratio", "macs_p", "channels_kept", "miou_after"):
        assert shared[count] == pytest.approx(facts[count], rel=1e-9), count
    assert [one["step"] for one in shared["scores"]] == [one["step"] for one in facts["scores"]]
    assert [one["miou"] for one in shared["scores"]] == pytest.approx([one["miou"] for one in facts["scores"]])
    for prune, other in zip(shared["prunes"], facts["prunes"]):
        assert prune["kept_channels"] == other["kept_channels"]
    assert seen[0]["alike"]["facts"] == seen[1]["alike"]["facts"]


def test_one_of_these_runs_had_batches_smaller_than_the_ranks(two, monkeypatch):
    """The end of an epoch leaves single images, of which the second rank has none."""
    folder, seen = two
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(HERE)
    sizes = [len(batch.items) for batch in prepare(settings("uneven"), {}, ignore).batches()]
    assert min(sizes) == 1 and seen[0]["uneven"]["facts"]["steps"] == len(sizes)


def test_where_memory_runs_out_all_ranks_step_down(two):
    folder, seen = two
    assert seen[0]["hungry"]["facts"] == seen[1]["hungry"]["facts"] and seen[0]["hungry"]["facts"]["steps"] == 3
    said = open(str(folder / "hungry" / "run.json")).read()
    assert "training goes on at 96x64 at most" in said


def test_rank_0_alone_writes_and_speaks(two):
    folder, seen = two
    assert seen[0]["alike"]["heard"] > 8 and seen[1]["alike"]["heard"] == 0
    assert sorted(name for name in os.listdir(str(folder)) if os.path.isdir(str(folder / name))) == [
        "hungry", "stopped", "two", "uneven", "vanished", "vanishing", "whole"]
    rows = open(str(folder / "two" / "scalars.csv")).read().splitlines()
    assert len(rows) == 1 + 8
    assert seen[1]["refused"] == dict(seen[0]["refused"], heard=0)
    assert "learning_rate: 0.0 -> 0.5" in seen[1]["refused"]["error"]


def test_a_rank_that_is_told_to_stop_stops_all_and_they_go_on_to_the_same_weights(two):
    """With BatchNorm measuring and dropout drawing, each rank its own."""
    folder, seen = two
    assert [one["stopped"]["code"] for one in seen] == [143, 143]
    assert "torchrun --nproc_per_node 2 -m dance_edge adapt --config" in seen[0]["stopped"]["hint"]
    assert seen[0]["resumed"]["facts"]["resumed_from_step"] in (3, 4)  # heard in the step under way or the next
    whole, again = (weights(str(folder / name / "model.pt")) for name in ("whole", "stopped"))
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_an_image_that_is_gone_for_one_rank_ends_all_behind_a_checkpoint(two):
    folder, seen = two
    assert seen[0]["vanished"]["error"] == seen[1]["vanished"]["error"]
    assert "vanishing/images/train" in seen[0]["vanished"]["error"] and seen[0]["vanished"]["code"] == 3
    saved = load_tensors(str(folder / "vanished" / "checkpoints" / "step-000002.pt"))
    assert saved["counts"]["step"] == 2


def test_the_command_under_torch_distributed_run(small_set, small_networks, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port",
               str(free_port()), "-m", "dance_edge"]
    asked = ["adapt", "--model", "small_networks:steady", "--target", small_set, "--steps", "2", "--batch-size", "4",
             "--out", "r", "--json", "r.json"]
    done = subprocess.run(command + asked, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT_S)
    said = done.stdout.decode()
    assert done.returncode == 0, said
    assert json.load(open("r.json"))["steps"] == 2 and os.path.exists("r/model.onnx")
    log = open("r/adapt.log").read().splitlines()
    assert [sum(line.startswith("step %d/2" % step) for line in log) for step in (1, 2)] == [1, 1]
    assert said.count("report: r/report.md") == 1
    done = subprocess.run(command + asked[:4] + ["nowhere"], env=environment(), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT_S)
    assert done.returncode != 0 and done.stdout.decode().count("error: ") == 1


LEAVES = """
import importlib, os
from dance_edge.training.process_group import joined

threads = lambda: len(os.listdir("/proc/self/task"))
before = threads()
with joined() as ranks:
    importlib.import_module("torch.distributed.nn")  # as other parts of PyTorch do in a run
    assert ranks.gather(ranks.rank) == [0, 1] and threads() > before
assert threads() == before, (before, threads())
"""


def test_a_group_that_is_left_leaves_no_thread():
    """One that is still there when Python ends aborts the process, now and then: its work is done, its exit is -6."""
    port = free_port()
    processes = [start_rank(rank, 2, port, ["-c", LEAVES]) for rank in (0, 1)]
    said = [process.communicate(timeout=LIMIT_S)[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)


def test_without_a_launcher_a_process_is_alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with joined() as ranks:
        assert ranks is ALONE
    monkeypatch.setenv("WORLD_SIZE", "2")  # a batch system's own, of a job that torchrun did not start
    with joined() as ranks:
        assert ranks is ALONE


def test_a_torch_without_distributed_says_so(monkeypatch):
    """As NVIDIA's for Jetson was built."""
    monkeypatch.setattr("torch.distributed.is_available", lambda: False)
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as ranks:
        assert ranks is ALONE
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="without torch.distributed"):
        with joined():
            pass


def test_a_rank_whose_fellow_dies_says_so(tmp_path):
    """No error of the network's, and no waiting for ever."""
    code = ("import os; from dance_edge.errors import DeviceError\n"
            "from dance_edge.training.process_group import joined\n"
            "with joined() as ranks:\n"
            "    ranks.gather(1)\n"
            "    if ranks.rank: os._exit(9)\n"
            "    try: ranks.gather(2)\n"
            "    except DeviceError as error: print(error.message)\n")
    port = free_port()
    processes = [start_rank(rank, 2, port, ["-c", code]) for rank in (0, 1)]
    said = processes[0].communicate(timeout=LIMIT_S)[0].decode()
    processes[1].communicate(timeout=LIMIT_S)
    assert "another process of this run is gone" in said
