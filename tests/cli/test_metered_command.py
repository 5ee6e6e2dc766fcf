"""A command that `dance-edge power` meters: its own output, signals and exit code."""
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dance_edge.cli import main, power_table

pytestmark = pytest.mark.usefixtures("own_config")

# A process of its own over the tree that the first argument names; what follows is the command line.
OWN_PROCESS = ("import sys\nfrom dance_edge.energy import ina3221\nina3221.ROOT = sys.argv[1]\n"
               "from dance_edge.cli.main import main\nmain(['power', '--power', 'ina3221'] + sys.argv[2:])\n")


def read(path):
    return json.loads(path.read_text())


def own_process(tree, arguments):
    """Started as the leader of a session, as a shell starts a job."""
    return subprocess.Popen([sys.executable, "-c", OWN_PROCESS, tree] + arguments, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, universal_newlines=True, start_new_session=True,
                            env=dict(os.environ, LC_ALL="C.UTF-8"))


def wait_for(process, text):
    """Read its stderr up to the line that holds `text`."""
    for line in process.stderr:
        if text in line:
            return
    pytest.fail("it never said %r" % text)


@pytest.mark.parametrize("script, code", [
    ("echo done; exit 7", 7), ("echo done; kill -9 $$", 137), ("echo done", 0),
    ("echo done; kill -TERM $PPID; exec sleep 30", 143),  # what is sent to the meter alone is passed on
    ("echo done; kill -INT $PPID; exit 5", 5),
])
def test_a_metered_command_has_its_own_stdout_and_code(eight_watts, tmp_path, capfd, script, code):
    path = tmp_path / "c.json"
    assert main.run(["power", "--json", str(path), "--", "sh", "-c", script]) == code
    out, err = capfd.readouterr()
    assert out == "done\n" and "energy " in err and "error:" not in err
    result = read(path)
    assert (result["exit_code"], result["command"]) == (code, ["sh", "-c", script])


def test_a_command_is_metered_while_it_runs(eight_watts, tmp_path, capfd):
    assert main.run(["power", "--json", "-", "sleep", "0.3"]) == 0  # the two dashes may be left out
    result = json.loads(capfd.readouterr().out)
    assert 0.3 <= result["duration_s"] < 10.0 and result["energy_j"] == pytest.approx(8.0 * result["duration_s"])


@pytest.mark.parametrize("word, code, text", [
    ("no-such-command", 127, "command not found"), ("./nothing", 127, "No such file"), ("./", 126, "Is a directory"),
    ("./plain", 126, "Permission denied"), ("./lost", 127, "No such file")])
def test_a_command_that_cannot_run_ends_as_in_a_shell(eight_watts, monkeypatch, tmp_path, capsys, word, code, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain").write_text("")
    (tmp_path / "lost").write_text("#!/no/such/interpreter\n")
    (tmp_path / "lost").chmod(0o755)
    assert main.run(["power", "--", word, "--for"]) == code
    error, hint = capsys.readouterr().err.splitlines()[-2:]
    assert error.startswith("error: cannot run %s: " % word) and text in error and "--" in hint

    assert main.run(["power", "--csv", "o.csv", "--", word]) == code
    assert not (tmp_path / "o.csv").exists()


def test_the_code_comes_before_a_stderr_that_is_full(tree):
    with open("/dev/full", "w") as full:
        quiet = OWN_PROCESS.replace("main(['power'", "main(['-q', 'power'")
        done = subprocess.run([sys.executable, "-c", quiet, tree, "--", "sh", "-c", "exit 7"], stderr=full,
                              stdout=subprocess.PIPE)
    assert done.returncode == 7


def test_ctrl_c_reaches_a_metered_command_and_the_meter_reports(tree, tmp_path):
    path = tmp_path / "c.json"
    script = "trap 'echo caught; exit 5' INT; echo ready >&2; while :; do sleep 0.05; done"
    process = own_process(tree, ["--interval", "0.05", "--json", str(path), "--", "sh", "-c", script])
    wait_for(process, "ready")
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (5, "caught\n")
    assert "measured (ina3221, VDD_IN)" in err or "run for at least" in err
    assert read(path)["exit_code"] == 5


def test_power_none_runs_a_command_unmetered(tmp_path, capfd):
    assert main.run(["power", "--power", "none", "--json", str(tmp_path / "c.json"), "--", "true"]) == 0
    assert read(tmp_path / "c.json")["energy_j"] is None
    assert "warning" not in capfd.readouterr().err


def test_what_was_ignored_the_command_finds_ignored(tree):
    """A script's job in the background has Ctrl-C ignored, under nohup or a supervisor there may be more."""
    look = "import signal; print([signal.getsignal(n) is signal.SIG_IGN for n in (signal.SIGINT, signal.SIGTERM)])"
    for ignored in ((), (signal.SIGINT,), (signal.SIGINT, signal.SIGTERM)):
        def ignore(numbers=ignored):
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)

        words = [sys.executable, "-c", OWN_PROCESS, tree, "--power", "none", "--", sys.executable, "-c", look]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                              preexec_fn=ignore)
        assert (done.returncode, done.stdout) == (0, "%s\n" % [len(ignored) > 0, len(ignored) > 1]), done.stderr


@pytest.fixture
def impatient(eight_watts, monkeypatch):
    """impatient(numbers) sends these signals while the last samples are waited for; the list of those not sent yet."""
    between = eight_watts.between

    def put(*numbers):
        left = list(numbers)

        def interrupted(start_s, end_s):
            while left:
                os.kill(os.getpid(), left.pop(0))
                time.sleep(0.01)  # it comes before the next bytecode of the main thread
            return between(start_s, end_s)

        monkeypatch.setattr(eight_watts, "between", interrupted)
        return left

    return put


@pytest.mark.parametrize("numbers", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)])
@pytest.mark.parametrize("words, code", [(["--", "sh", "-c", "exit 7"], 7), (["--for", "0.2"], 0)])
def test_a_signal_behind_the_end_loses_neither_report_nor_code(impatient, tmp_path, capfd, words, code, numbers):
    left, path = impatient(*numbers), tmp_path / "c.json"
    assert main.run(["power", "--json", str(path)] + words) == code
    assert left == [] and read(path)["exit_code"] == code
    shown = "".join(capfd.readouterr())
    assert "energy " in shown and "error: " not in shown


def test_an_impatient_second_ctrl_c_loses_nothing_and_a_third_ends(impatient, monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(power_table.PowerTable, "draw", lambda self: os.kill(os.getpid(), signal.SIGINT))
    impatient(signal.SIGINT)
    assert main.run(["power", "--json", str(tmp_path / "p.json")]) == 130
    assert "energy " in capfd.readouterr().out and read(tmp_path / "p.json")["energy_j"] > 0.0

    former = signal.getsignal(signal.SIGINT)
    impatient(signal.SIGINT, signal.SIGINT)
    assert main.run(["power", "--json", str(tmp_path / "third.json")]) == 130
    out, err = capfd.readouterr()
    assert out == "" and "error: interrupted" in err and not (tmp_path / "third.json").exists()
    assert signal.getsignal(signal.SIGINT) is former


@pytest.mark.parametrize("by_path", [True, False])
def test_a_script_without_its_first_line_is_run_by_sh(eight_watts, monkeypatch, tmp_path, capfd, by_path):
    (tmp_path / "job").write_text('echo "$# $1"\nexit 7\n')
    (tmp_path / "job").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    assert main.run(["power", "--", "./job" if by_path else "job", "a b", "c"]) == 7
    assert capfd.readouterr().out == "2 a b\n"


def test_another_machines_program_is_no_script(eight_watts, monkeypatch, tmp_path, capsys):
    (tmp_path / "program").write_bytes(b"\x7fELF\x02\x01\x01\0\0\0\0echo wrong\n")
    (tmp_path / "program").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert main.run(["power", "--", "./program"]) == 126
    assert "error: cannot run ./program: Exec format error" in capsys.readouterr().err
