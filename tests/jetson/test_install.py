"""jetson/install.sh without a Jetson: its dry run over a made L4T file and stand-ins for JetPack's own packages."""
import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "jetson", "install.sh")
R32_7 = "# R32 (release), REVISION: 7.6, GCID: 1, BOARD: t186ref, EABI: aarch64\n"
STAND_INS = {
    "cv2.py": '__version__ = "4.1.1"\ndef getBuildInformation():\n    return "  GStreamer:    YES (1.14.5)"\n',
    "tensorrt.py": '__version__ = "8.2.1.8"\n',
}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@pytest.fixture
def board(tmp_path):
    """board(*options, release=...) runs the script as a board's user would and gives the finished process."""
    for name, text in STAND_INS.items():
        (tmp_path / name).write_text(text)

    def call(*options, release=R32_7):
        (tmp_path / "release").write_text(release)
        env = dict(os.environ, PYTHONPATH=str(tmp_path), L4T_RELEASE_FILE=str(tmp_path / "release"),
                   PYTHONDONTWRITEBYTECODE="1")
        command = ["bash", SCRIPT, "--python", sys.executable, "--venv", str(tmp_path / "env")] + list(options)
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env=env)
    return call


def test_a_dry_run_says_all_and_changes_nothing(board, tmp_path):
    done = board("--dry-run")
    assert "found:   L4T R32.7.6" in done.stdout
    assert "with GStreamer" in done.stdout and "found:   TensorRT 8.2.1.8" in done.stdout
    assert "[serve,jetson,report]" in done.stdout and "torch" not in done.stdout.split("would run")[-2]
    assert not (tmp_path / "env").exists()
    if sys.version_info[:2] == (3, 6):
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode == 6 and "lacking: Python 3.6" in done.stdout


def test_another_release_is_refused_and_nothing_is_installed(board, tmp_path):
    done = board(release="# R35 (release), REVISION: 4.1, GCID: 1\n")
    assert done.returncode == 6
    assert "lacking: L4T R32.7, this is R35.4.1" in done.stdout
    assert done.stderr.startswith("error: ") and "\nhint:  " in done.stderr
    assert "run: " not in done.stdout and not (tmp_path / "env").exists()


def test_a_torch_wheel_must_be_the_boards(board, tmp_path):
    assert "lacking: a PyTorch 1.10 wheel" in board("--dry-run", "--torch", "torch-2.1.0-cp311-x86_64.whl").stdout
    wheel = tmp_path / "torch-1.10.0-cp36-cp36m-linux_aarch64.whl"
    assert "lacking: the file" in board("--dry-run", "--torch", str(wheel)).stdout
    wheel.write_bytes(b"")
    done = board("--dry-run", "--torch", str(wheel))
    assert "found:   PyTorch's wheel" in done.stdout and "[train,serve,jetson,report]" in done.stdout


def test_an_environment_that_hides_jetpack_is_refused(board, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    assert "lacking: an environment that sees JetPack's packages" in board("--dry-run").stdout


def test_a_wrong_option_is_2(board):
    done = board("--now")
    assert done.returncode == 2 and done.stderr.startswith("error: there is no option --now\nhint:  ")
