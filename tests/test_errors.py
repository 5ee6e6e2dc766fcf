"""The tree of errors: each kind has its exit code, its one line and its hint."""
import pickle

import pytest

from dance_edge import errors


@pytest.mark.parametrize("kind, code", [
    (errors.ConfigError, 2), (errors.DataError, 3), (errors.CheckpointError, 4), (errors.ExportError, 5),
    (errors.DeviceError, 6), (errors.Interrupted, 130),
])
def test_each_kind_has_its_exit_code(kind, code):
    error = kind("got this, expected that", "do so")
    assert isinstance(error, errors.DanceError)
    assert (error.exit_code, error.message, error.hint) == (code, "got this, expected that", "do so")
    assert str(error) == "got this, expected that"


def test_every_kind_is_listed_above():
    assert {kind.__name__ for kind in errors.DanceError.__subclasses__()} == {
        "ConfigError", "DataError", "CheckpointError", "ExportError", "DeviceError", "Interrupted"}


def test_an_interruption_by_sigterm_says_143():
    assert errors.Interrupted("stopped at step 3", "go on with: dance-edge adapt", exit_code=143).exit_code == 143
    assert errors.Interrupted.exit_code == 130


@pytest.mark.parametrize("error", [errors.DataError("gone", "mend it"), errors.Interrupted("stopped", "go on", 143)])
def test_an_error_comes_whole_from_another_process(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.hint, again.exit_code) == (
        type(error), error.message, error.hint, error.exit_code)
