import errno
import json
import os
import signal
import subprocess
import sys

import pytest

from dance_edge import run
from dance_edge.errors import CheckpointError, ConfigError, DataError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def folder(name, **state):
    os.makedirs(name)
    run.write_state(name, state)
    return name


def test_a_run_folder_names_its_models():
    path = folder("r")
    for name in ("model.pt", "source.onnx"):
        open(os.path.join(path, name), "w").close()
    found = run.open_run("r")
    assert found.model_pt == os.path.realpath("r/model.pt") and found.model_onnx is None
    assert found.source_onnx == os.path.realpath("r/source.onnx") and found.folder == os.path.realpath("r")


@pytest.mark.parametrize("name, attribute", [("m.pt", "model_pt"), ("m.onnx", "model_onnx")])
def test_a_file_stands_for_itself(name, attribute):
    open(name, "w").close()
    found = run.open_run(name)
    assert getattr(found, attribute) == os.path.realpath(name) and found.folder is None and found.state() == {}


def test_a_missing_run_and_a_hollow_one_are_refused():
    os.makedirs("hollow")
    for given, words in (("hollow", "no model"), ("nowhere", "no run nowhere"), (None, "runs/latest")):
        with pytest.raises(CheckpointError, match=words):
            run.open_run(given)


def test_latest_is_resolved_once():
    for name in ("runs/a", "runs/b"):
        open(os.path.join(folder(name), "model.pt"), "w").close()
        run.mark_latest(name)
        assert os.readlink("runs/latest") == os.path.basename(name)
        assert run.open_run().folder == os.path.realpath(name)


def test_latest_can_point_out_of_runs():
    folder("elsewhere")
    run.mark_latest("elsewhere")
    assert os.path.realpath("runs/latest") == os.path.realpath("elsewhere")


def test_the_order_of_runs_is_a_number_not_a_date():
    assert run.next_number() == 1
    folder("runs/20300101-000000-x", number=1)
    folder("runs/19700101-000000-x", number=2)
    assert run.next_number() == 3 and len(run.run_folders()) == 2


def test_a_new_folder_is_named_by_target_and_never_taken():
    first = run.new_folder("data/bdd/")
    assert first.startswith("runs/") and first.endswith("-bdd") and not os.path.exists("runs")
    os.makedirs(first)
    assert run.new_folder("data/bdd/") != first


def test_a_damaged_and_a_newer_run_json_are_named():
    os.makedirs("r")
    with open("r/run.json", "w") as file:
        file.write("{")
    with pytest.raises(DataError, match="r/run.json"):
        run.read_state("r")
    with open("r/run.json", "w") as file:
        json.dump({"format": 99}, file)
    with pytest.raises(ConfigError, match="format 99"):
        run.read_state("r")


def test_one_writer_and_the_second_hears_the_pid():
    os.makedirs("r")
    code = ("import sys\nfrom dance_edge import run\nfrom dance_edge.errors import ConfigError\n"
            "try:\n    with run.lock('r'): print('got it')\nexcept ConfigError as e: print(e.message)")
    command = [sys.executable, "-c", code]
    with run.lock("r"):
        said = subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout
        assert str(os.getpid()) in said
    assert subprocess.run(command, stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout == "got it\n"


def test_a_file_system_without_locks_is_not_another_process(monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    os.makedirs("r")
    monkeypatch.setattr(run.fcntl, "lockf", refuse)
    with pytest.raises(ConfigError, match="r cannot be locked: .*No locks available"):
        with run.lock("r"):
            pass


def test_a_lock_ends_with_its_process_though_a_child_lives_on():
    os.makedirs("r")
    code = ("import os, sys, time\nfrom dance_edge import run\nwith run.lock('r'):\n"
            "    if os.fork():\n        print('locked', flush=True)\n    time.sleep(60)")
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(ConfigError):
            with run.lock("r"):
                pass
        holder.kill()
        holder.wait()
        with run.lock("r"):
            os.killpg(holder.pid, 0)  # the child is there still
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.stdout.close()


def test_what_a_killed_process_had_half_written_goes_and_what_others_write_stays():
    os.makedirs("r")
    gone = ("r/run.json.4194304.tmp", "r/model.pt.%d.tmp" % os.getpid())  # no process; an earlier one
    stays = ("r/model.onnx.%d.tmp" % os.getppid(), "r/notes.tmp", "r/model.pt")
    for path in gone + stays:
        open(path, "w").close()
    with run.lock("r"):
        assert not any(os.path.exists(path) for path in gone) and all(os.path.exists(path) for path in stays)


def test_latest_moves_past_what_a_killed_process_left_under_the_same_number():
    folder("runs/a")
    os.symlink("nowhere", "runs/latest.%d.tmp" % os.getpid())
    run.mark_latest("runs/a")
    assert os.readlink("runs/latest") == "a" and sorted(os.listdir("runs")) == ["a", "latest"]
