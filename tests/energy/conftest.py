"""A real jtop service over a fake TX2, for whoever is root and has jetson-stats."""
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest

RIG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jtop_rig", "inside.py")
ROOT = os.path.abspath(os.path.join(os.path.dirname(RIG), "..", "..", ".."))
NAMESPACE = ["unshare", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
FAKE_SYS = "/fake_sys"  # jetson-stats' own name for the tree of its test mode
LIMIT_S = 400.0


@contextlib.contextmanager
def _fake_sys():
    """The folder, empty, for one rig at a time: a folder that is removed takes away what others have mounted on it."""
    while True:
        made = False
        with contextlib.suppress(FileExistsError):
            os.mkdir(FAKE_SYS)
            made = True
        with contextlib.suppress(FileNotFoundError):
            handle = os.open(FAKE_SYS, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(handle), os.stat(FAKE_SYS)):
                break
            os.close(handle)
    try:
        yield
    finally:
        if made:
            os.rmdir(FAKE_SYS)
        os.close(handle)


@pytest.fixture
def jtop_rig(tmp_path):
    """Plays a scenario of jtop_rig/inside.py: `jtop_rig("window", seconds=30, ...)` gives what it returns."""
    pytest.importorskip("jtop", reason="jetson-stats is not installed")
    if os.getuid() != 0 or shutil.which("unshare") is None:
        pytest.skip("a mount namespace of its own needs root and unshare")
    if subprocess.call(NAMESPACE + ["true"], stderr=subprocess.DEVNULL) != 0:
        pytest.skip("this machine gives no mount namespace")

    def play(scenario, **arguments):
        path = tmp_path / "result.json"
        paths = [ROOT] + [one for one in (os.environ.get("PYTHONPATH"),) if one]
        with _fake_sys():
            done = subprocess.run(NAMESPACE + [sys.executable, RIG, scenario, json.dumps(arguments), str(path)],
                                  env=dict(os.environ, PYTHONPATH=os.pathsep.join(paths)), timeout=LIMIT_S,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        assert done.returncode == 0, done.stdout
        return json.loads(path.read_text())

    return play
