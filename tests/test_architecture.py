"""The house rules of DESIGN.md, held against the code: floors, vendor doors, cycles, what may be imported where."""
import ast
import importlib.util
import os
import re
import subprocess
import sys

import pytest

from dance_edge.cli.main import COMMANDS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(ROOT, "dance_edge")

# A room is a folder or a file of the package. An import goes to a lower floor, or stays in its own folder and floor.
FLOORS = {
    "errors": 0, "duration": 0, "size": 0, "events": 0, "interrupt": 0, "ranks": 0, "atomic": 0,
    "__init__": 0,
    "complexity": 1, "energy": 1, "metrics": 1,
    "models": 2, "data": 2,
    "manifest": 3, "pruning": 3, "runtime": 3,
    "run": 4, "history": 4, "tensor_file": 4, "checkpoint": 4, "machine": 4,
    "report": 5, "training": 5, "export": 5, "serve": 5,
    "bench": 6,
    "cli": 7,
    "__main__": 8,
}

# Where a vendor may be imported: module prefixes under dance_edge.
DOORS = {
    "jtop": ("energy.jtop",),
    "pynvml": ("energy.nvml",),
    "tensorrt": ("runtime.tensorrt_",),
    "pycuda": ("runtime.tensorrt_",),
    "torch_pruning": ("pruning.groups",),
    "torch": ("models.", "pruning.", "training.", "tensor_file", "checkpoint", "runtime.torch_engine",
              "export.to_onnx", "export.parity", "bench.training"),
    "click": ("cli.",),
    "rich": ("cli.",),
    "tensorboard": ("cli.tensorboard",),
}

# Rooms that a board without PyTorch uses: nothing in them reaches torch, not even by an import inside a function.
TORCH_FREE = ("errors", "duration", "size", "events", "interrupt", "ranks", "atomic", "complexity.", "energy.",
              "metrics.", "manifest", "data.", "runtime.", "run", "history", "report.", "machine", "serve.")

HEAVY = ("torch", "cv2", "numpy", "onnxruntime", "onnx", "matplotlib", "rich")


def _modules():
    """Module name under dance_edge ("cli.main") -> path."""
    found = {}
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in files:
            if name.endswith(".py"):
                path = os.path.join(folder, name)
                found[os.path.relpath(path, PACKAGE)[:-3].replace(os.sep, ".")] = path
    return found


MODULES = _modules()


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


TREES = {name: ast.parse(_read(path), path) for name, path in MODULES.items()}


def _room(module):
    return module.split(".")[0]


def _starts(module, prefixes):
    return any(module == prefix or (prefix[-1] in "._" and module.startswith(prefix)) for prefix in prefixes)


def _find_imports(module, for_types=False):
    """(absolute dotted name, line) of every import in the module, inside functions too; those that are for types alone
    where `for_types`."""
    typing_only = set()
    for node in ast.walk(TREES[module]) if not for_types else ():
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            typing_only.update(id(inner) for inner in ast.walk(node))
    for node in ast.walk(TREES[module]):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "%s:%d imports relatively" % (module, node.lineno)
            for alias in node.names:
                yield "%s.%s" % (node.module, alias.name), node.lineno


IMPORTS = {module: list(_find_imports(module)) for module in MODULES}


def _own(name):
    """The module under dance_edge that the dotted name is, or lies in; None where it is a vendor's."""
    parts = name.split(".")
    if parts[0] != "dance_edge":
        return None
    for end in range(len(parts), 1, -1):
        inner = ".".join(parts[1:end])
        if inner in MODULES:
            return inner
    return "__init__"


GRAPH = {module: {_own(name) for name, _ in IMPORTS[module]} - {None, module} for module in MODULES}
WITH_TYPES = {module: {_own(name) for name, _ in _find_imports(module, True)} - {None, module} for module in MODULES}
VENDORS = {module: {name.split(".")[0] for name, _ in IMPORTS[module]} - {"dance_edge"} for module in MODULES}


def _reachable(module, seen):
    for other in GRAPH[module] - seen:
        seen.add(other)
        _reachable(other, seen)
    return seen


def test_every_room_has_a_floor():
    assert {_room(module) for module in MODULES} <= set(FLOORS)


def _goes_up(module, other):
    floor, other_floor = FLOORS[_room(module)], FLOORS[_room(other)]
    same_folder = _room(other) == _room(module) or ("." not in module and "." not in other)
    return other_floor > floor or (other_floor == floor and not same_folder)


def test_imports_go_to_a_lower_floor_or_the_same_folder():
    assert [(module, line, other) for module in MODULES for name, line in IMPORTS[module]
            for other in [_own(name)] if other is not None and _goes_up(module, other)] == []


@pytest.mark.parametrize("vendor", sorted(DOORS))
def test_a_vendor_has_one_door(vendor):
    inside = [module for module in MODULES if vendor in VENDORS[module]]
    assert [module for module in inside if not _starts(module, DOORS[vendor])] == []


def test_only_serve_source_opens_a_camera_or_a_video():
    users = {module for module, tree in TREES.items() for node in ast.walk(tree)
             if isinstance(node, ast.Attribute) and node.attr == "VideoCapture"}
    assert users <= {"serve.source"}


def test_what_serving_stands_on_never_reaches_torch():
    free = [module for module in MODULES if _starts(module, TORCH_FREE) and module != "runtime.torch_engine"]
    assert [(module, other) for module in free for other in _reachable(module, {module})
            if "torch" in VENDORS[other]] == []


@pytest.mark.parametrize("graph", [GRAPH, WITH_TYPES], ids=["at run time", "with types"])
def test_no_import_cycles(graph):
    state = {}

    def visit(module, path):
        state[module] = "open"
        for other in sorted(graph[module]):
            assert state.get(other) != "open", "a cycle: " + " -> ".join(path + [module, other])
            if other not in state:
                visit(other, path + [module])
        state[module] = "done"

    for module in sorted(MODULES):
        if module not in state:
            visit(module, [])


def test_init_files_are_empty_but_for_the_version():
    for module, path in MODULES.items():
        if module == "__init__":
            docstring, version = TREES[module].body
            assert [target.id for target in version.targets] == ["__version__"]
        elif module.endswith("__init__"):
            assert _read(path).strip() == "", module


def test_a_file_fits_on_a_few_screens():
    assert [module for module, path in MODULES.items() if len(_read(path).splitlines()) > 300] == []


def _faults(node):
    if isinstance(node, ast.Assert):
        yield "asserts: raise an error of errors.py, or test it"
    if isinstance(node, ast.ExceptHandler) and node.type is None:
        yield "has a bare except"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
        yield "prints: below cli say it by on_event, in cli by output.say"
    if isinstance(node, ast.Attribute) and node.attr == "write" and isinstance(node.value, ast.Attribute) \
            and node.value.attr in ("stdout", "stderr"):
        yield "writes to a standard stream"


def test_no_print_no_assert_no_bare_except():
    assert [(module, node.lineno, fault) for module, tree in TREES.items() for node in ast.walk(tree)
            for fault in _faults(node)] == []


def test_no_path_of_one_machine():
    place = re.compile(r"/(work|root|home/\w+)(/|\b(?!\w))")
    texts = list(MODULES.values()) + [os.path.join(ROOT, name) for name in ("setup.py", "setup.cfg", "Makefile")]
    for folder in ("jetson", "docker", "benchmarks", "constraints"):
        for inner, _, files in os.walk(os.path.join(ROOT, folder)):
            texts += [os.path.join(inner, name) for name in files if name.endswith((".sh", ".py", ".txt", ".md"))
                      or name.startswith("Dockerfile")]
    found = [(path, line) for path in texts for line in _read(path).splitlines() if place.search(line)]
    assert found == []


def _python(code):
    return subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, env=dict(os.environ, LC_ALL="C.UTF-8"), cwd=ROOT)


def test_every_command_has_its_file():
    assert {"cli." + module for module, _ in COMMANDS.values()} <= set(MODULES)


@pytest.mark.parametrize("command", [""] + list(COMMANDS))
def test_help_loads_nothing_heavy(command):
    done = _python("import sys\n"
                   "from dance_edge.cli.main import run\n"
                   "code = run(%r)\n"
                   "heavy = [name for name in %r if name in sys.modules]\n"
                   "sys.exit(code or ('loaded: ' + ' '.join(heavy) if heavy else 0))"
                   % ((command + " --help").split(), HEAVY))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Usage: dance-edge " + command)


def test_the_front_help_imports_no_command():
    done = _python("import sys\n"
                   "from dance_edge.cli.main import run\n"
                   "run(['--help'])\n"
                   "sys.exit(' '.join(n for n in sys.modules if n.startswith('dance_edge.cli.') "
                   "and n != 'dance_edge.cli.main'))")
    assert done.stderr.strip() == ""


def test_serving_imports_no_torch():
    done = _python("import sys, dance_edge.serve.pipeline\nsys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(importlib.util.find_spec("tensorrt") is not None, reason="TensorRT is there")
def test_runtime_imports_without_its_vendors():
    names = [module for module in MODULES if module.startswith("runtime.") and "torch" not in module]
    done = _python("\n".join("import dance_edge." + name for name in names))
    assert done.returncode == 0, done.stderr
