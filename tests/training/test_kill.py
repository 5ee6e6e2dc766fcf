"""Killed at the moments that matter most, a run that is started again ends with the weights of one left alone.

`benchmarks/kill_and_resume.py` does it at random moments, fifty by default.
"""
import glob
import importlib.util
import os

import pytest

from dance_edge import run as run_folder
from dance_edge.errors import ConfigError
from dance_edge.training.adapt import adapt
from dance_edge.training.claim import clear
from dance_edge.training.config import AdaptConfig

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    path = os.path.join(ROOT, "benchmarks", "kill_and_resume.py")
    spec = importlib.util.spec_from_file_location("kill_and_resume", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.Trial(str(tmp_path_factory.mktemp("kills")), 12)


def test_a_run_that_is_killed_again_and_again_ends_with_the_weights_of_one_left_alone(trial):
    def kill_as_it_appears(pattern, whole_group):
        return trial.kill(lambda _now_s: glob.glob(trial.path("killed", pattern)), whole_group)

    training = kill_as_it_appears("checkpoints/step-000006.pt*", False)  # while it is written, or just behind
    assert training.words == "training" and training.step >= 4
    ending = kill_as_it_appears("model.pt*", True)
    assert ending.words in ("evaluation and model", "export and report") and ending.step == 12
    assert trial.faults_of(ending) == []


def config(small_set, **changes):
    return AdaptConfig(target=small_set, model="small_networks:make", steps=2, batch_size=3, stages=0, workers=0,
                       out="r")._replace(**changes)


def test_a_run_that_was_killed_before_its_first_word_is_begun(small_set, small_networks):
    os.makedirs("r")
    for name in ("lock", "run.json.4194304.tmp"):  # a number that no process has
        open(os.path.join("r", name), "w").close()
    assert adapt(config(small_set)).facts["steps"] == 2
    assert not glob.glob("r/*.tmp")
    os.makedirs("other")
    for name in ("lock", "notes.txt"):
        open(os.path.join("other", name), "w").close()
    with pytest.raises(ConfigError, match="holds other things"):
        adapt(config(small_set, out="other"))


@pytest.mark.parametrize("cleared", ["checkpoints", "model.pt"])
def test_what_was_killed_while_it_cleared_its_folder_clears_it_again(small_set, small_networks, monkeypatch, cleared):
    adapt(config(small_set, learning_rate=0.5))

    class Killed(BaseException):
        pass

    def kill(path, **_options):
        if os.path.basename(path) == cleared:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("shutil.rmtree", kill)
        patch.setattr("os.remove", kill)
        clear("r")
    facts = adapt(config(small_set)).facts  # other settings than the run's that was to go
    assert facts["resumed_from_step"] is None and facts["steps"] == 2
    assert run_folder.read_state("r")["config"]["learning_rate"] == 0.0
