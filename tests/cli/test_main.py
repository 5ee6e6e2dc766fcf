"""The command line's frame: exit codes, the two lines of an error, signals, and that nothing else leaks out."""
import errno
import os
import signal
import subprocess
import sys

import click
import pytest

from dance_edge import __version__, errors
from dance_edge.cli import main, metered_command, power


@pytest.fixture
def failing(monkeypatch):
    """failing(error) puts a command `scan` in place that raises `error`."""
    def put(error):
        @click.command()
        @click.option("--count", type=int)
        @click.argument("rest", nargs=-1)
        def command(count, rest):
            raise error

        monkeypatch.setattr(main.LazyGroup, "get_command", lambda self, ctx, name: command)
    return put


def _lines(capsys):
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@pytest.mark.parametrize("kind", [errors.ConfigError, errors.DataError, errors.CheckpointError, errors.ExportError,
                                  errors.DeviceError])
def test_an_error_is_two_lines_and_its_code(failing, capsys, kind):
    failing(kind("label a.png is 480x360,\n  its image is 960x720", "leave the pair out"))
    assert main.run(["scan"]) == kind.exit_code
    assert _lines(capsys) == ["error: label a.png is 480x360, its image is 960x720", "hint:  leave the pair out"]


@pytest.mark.parametrize("code", [130, 143])
def test_an_interrupted_job_ends_with_the_command_to_go_on(failing, capsys, code):
    failing(errors.Interrupted("interrupted at step 3 of 9", "go on with: dance-edge adapt --out 'my  run'", code))
    assert main.run(["scan"]) == code
    assert _lines(capsys)[-1] == "hint:  go on with: dance-edge adapt --out 'my  run'"


def test_ctrl_c_is_130_and_one_line(failing, capsys):
    failing(KeyboardInterrupt())
    assert main.run(["scan"]) == 130
    assert [line for line in _lines(capsys) if line] == ["error: interrupted"]


def test_a_full_disk_is_one_line_with_what_to_do(failing, capsys):
    failing(OSError(errno.ENOSPC, "No space left on device", "r/model.onnx"))
    assert main.run(["scan"]) == 6
    assert _lines(capsys) == ["error: cannot write r/model.onnx: No space left on device",
                              "hint:  make room, then start the same command again"]
    failing(OSError(errno.EIO, "Input/output error"))
    assert main.run(["scan"]) == 1


def test_what_nobody_expected_is_one_line(failing, capsys):
    failing(ZeroDivisionError("division\nby zero"))
    assert main.run(["scan"]) == 1
    assert _lines(capsys) == ["error: unexpected ZeroDivisionError: division by zero (--debug shows where)"]


@pytest.mark.parametrize("arguments", [["--debug", "scan"], ["scan", "--debug"]])
def test_debug_shows_the_traceback_on_either_side_of_the_command(failing, capsys, arguments):
    failing(errors.DataError("no images", "give another folder"))
    assert main.run(arguments) == 3
    lines = _lines(capsys)
    assert lines[0].startswith("Traceback") and lines[-2:] == ["error: no images", "hint:  give another folder"]


def test_debug_behind_a_double_dash_is_the_commands_own(failing, capsys):
    failing(errors.DataError("no images", "give another folder"))
    assert main.run(["scan", "--", "--debug"]) == 3
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("ours, theirs, debug", [
    (["power", "--power", "none"], ["a", "--debug", "b"], False),
    (["power", "--power", "none", "--"], ["a", "--debug", "b"], False),
    (["--debug", "power", "--power", "none"], ["a", "--debug"], True),
    (["power", "--debug", "--power", "none"], ["a", "--debug"], True),
    (["power", "--power", "none", "--debug"], ["a"], True),
    (["power", "--power=none", "--debug", "--"], ["--debug"], True)])
def test_a_metered_command_keeps_its_own_debug(monkeypatch, ours, theirs, debug):
    seen = []

    def measure(config):
        seen.append((config.words, click.get_current_context().obj.debug))
        return 0

    monkeypatch.setattr(power, "_power", measure)
    monkeypatch.setattr(metered_command, "check_startable", lambda words: None)
    assert main.run(ours + theirs) == 0
    assert seen == [(tuple(theirs), debug)]


def test_debug_still_counts_behind_another_commands_words(failing, capsys):
    failing(errors.DataError("no images", "give another folder"))
    assert main.run(["scan", "word", "--count", "3", "--debug"]) == 3
    assert _lines(capsys)[0].startswith("Traceback")


def test_sigterm_that_is_ignored_stays_so(monkeypatch):
    seen = []

    @click.command()
    def command():
        seen.append(signal.getsignal(signal.SIGTERM))

    monkeypatch.setattr(main.LazyGroup, "get_command", lambda self, ctx, name: command)
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert main.run(["scan"]) == 0
        seen.append(signal.getsignal(signal.SIGTERM))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIG_IGN, signal.SIG_IGN]


@pytest.mark.parametrize("arguments, start, see", [
    (["scan", "--count", "many"], "error: Invalid value for", "hint:  see: dance-edge scan --help"),
    (["scan", "--nope"], "error: No such option", "hint:  see: dance-edge scan --help"),
    (["--nope"], "error: No such option", "hint:  see: dance-edge --help"),
    (["-q"], "error: Missing command", "hint:  see: dance-edge --help"),
])
def test_wrong_usage_is_2_with_both_lines(failing, capsys, arguments, start, see):
    failing(ZeroDivisionError())
    assert main.run(arguments) == 2
    first, second = _lines(capsys)
    assert first.startswith(start) and second == see


def test_an_unknown_command_names_the_nearest(capsys):
    assert main.run(["evaluate"]) == 2
    assert _lines(capsys)[0] == "error: there is no command 'evaluate', did you mean 'eval'?"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_help_lists_every_command_on_one_line(capsys, arguments):
    assert main.run(arguments) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for name, (_, line) in main.COMMANDS.items():
        assert any(row.split()[:1] == [name] and row.endswith(line) for row in out.splitlines()), name


def test_version(capsys):
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == "dance-edge %s\n" % __version__


def test_the_options_before_the_command_reach_it(failing, monkeypatch):
    seen = []

    @click.command()
    @click.pass_obj
    def command(settings):
        seen.append(settings)

    monkeypatch.setattr(main.LazyGroup, "get_command", lambda self, ctx, name: command)
    assert main.run(["-q", "--debug", "scan"]) == 0
    assert seen == [main.Settings(verbose=0, quiet=True, debug=True)]


def test_sigterm_cleans_up_and_is_143(tmp_path):
    """A process of its own: it says when it works, is told to stop, and its `finally` still runs."""
    code = ("import sys, time, click\n"
            "from dance_edge.cli import main\n"
            "@click.command()\n"
            "def command():\n"
            "    try:\n"
            "        print('working', flush=True)\n"
            "        time.sleep(60)\n"
            "    finally:\n"
            "        print('cleaned', flush=True)\n"
            "main.LazyGroup.get_command = lambda self, ctx, name: command\n"
            "main.main(['scan'])\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               universal_newlines=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
    assert process.stdout.readline() == "working\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (143, "cleaned\n", "error: terminated\n")


def test_the_module_runs_like_the_command():
    done = subprocess.run([sys.executable, "-m", "dance_edge", "nothing"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, env=dict(os.environ, LC_ALL="C.UTF-8"))
    assert done.returncode == 2 and done.stderr.startswith("error: there is no command 'nothing'")


@pytest.mark.skipif(sys.version_info >= (3, 7), reason="Python 3.7 and later make UTF-8 of a C locale themselves")
def test_an_ascii_locale_is_said_with_what_to_set():
    done = subprocess.run([sys.executable, "-m", "dance_edge", "--help"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, env=dict(os.environ, LC_ALL="C"))
    assert done.returncode == 2 and "export LC_ALL=C.UTF-8" in done.stderr
