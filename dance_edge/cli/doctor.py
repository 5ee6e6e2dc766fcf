"""`dance-edge doctor`: what this machine has, what it lacks, and what helps."""
from typing import TYPE_CHECKING, List, Optional

import click

from dance_edge.cli import options

if TYPE_CHECKING:
    from dance_edge.machine import Camera, Machine, Package, Sensor


@click.command()
@options.json_option
def command(json_path: Optional[str]) -> None:
    """Say what this machine has for dance-edge: versions, backends, power sensors, cameras.

    Each package is imported in a process of its own, so that one that crashes is named. Nothing is changed. Ends with
    0 whatever is missing: what is needed depends on the job.
    """
    from dance_edge import machine as rooms
    from dance_edge.cli.output import write_json

    machine = rooms.look_at_machine()
    packages = rooms.look_at_packages(machine.l4t is not None)
    sensors = rooms.look_at_sensors(machine.l4t is not None)
    cameras = rooms.look_at_cameras()
    _print_machine(machine, json_path)
    _print_packages(packages, json_path)
    _print_power(sensors, json_path)
    _print_cameras(cameras, json_path)
    hints = rooms.hints(packages, sensors)
    _print_hints(hints, json_path)
    if json_path is not None:
        write_json(json_path, {
            "format": 1,
            "machine": machine._asdict(),
            "packages": [one._asdict() for one in packages],
            "backends": [{"name": one.name, "usable": bool(one.usable)} for one in packages
                         if one.name in rooms.BACKENDS],
            "sensors": [one._asdict() for one in sensors],
            "cameras": [one._asdict() for one in cameras],
            "hints": hints,
        })


def _print_machine(machine: "Machine", json_path: Optional[str]) -> None:
    from dance_edge import __version__
    from dance_edge.cli.output import say

    say("dance-edge %s, Python %s" % (__version__, machine.python), json_path)
    memory = "%.1f GiB" % (machine.memory_bytes / 2.0 ** 30) if machine.memory_bytes else "unknown memory"
    say("%s: %s, %d cores, %s" % (machine.model or "PC", machine.architecture, machine.cores, memory), json_path)
    say("%s, kernel %s, %s" % (machine.system, machine.kernel,
                               "L4T " + machine.l4t if machine.l4t else "no L4T (not a Jetson)"), json_path)


def _print_packages(packages: "List[Package]", json_path: Optional[str]) -> None:
    from dance_edge.cli.output import table
    from dance_edge.machine import BACKENDS

    words = {None: "missing", True: "yes", False: "BROKEN"}
    for title, backends in (("Backends", True), ("Packages", False)):
        rows = [[one.name, one.version or "-", words[one.usable], "" if one.usable is None else one.detail]
                for one in packages if (one.name in BACKENDS) == backends]
        table(["name", "version", "usable", "detail"], rows, title, json_path)


def _print_power(sensors: "List[Sensor]", json_path: Optional[str]) -> None:
    from dance_edge.cli.output import table

    rows = [[one.name, "-" if one.power_w is None else "%.2f W" % one.power_w, one.rail or "-", one.detail]
            for one in sensors]
    table(["sensor", "now", "rail", "detail"], rows, "Power (without a sensor joules are estimated)", json_path)


def _print_cameras(cameras: "List[Camera]", json_path: Optional[str]) -> None:
    from dance_edge.cli.output import say, table

    if not cameras:
        say("Cameras: none (/dev/video*)", json_path)
        return
    rows = [[one.path, one.name or "-", "yes" if one.readable else "no: sudo usermod -aG video $USER"]
            for one in cameras]
    table(["camera", "name", "may be used"], rows, "Cameras", json_path)


def _print_hints(hints: List[str], json_path: Optional[str]) -> None:
    from dance_edge.cli.output import say

    if hints:
        say("What would help, where you need it:", json_path)
    for hint in hints:
        say("  " + hint, json_path)
