"""What `dance-edge power` leaves: lines for people, the samples, one JSON object."""
import contextlib
import errno
import os
from typing import Iterator, List, Optional

from dance_edge.cli import powering
from dance_edge.cli.output import say, table, write_json
from dance_edge.cli.power_config import PowerConfig
from dance_edge.cli.progress import Listener
from dance_edge.energy.meter import EnergyMeter
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, Warned


def check_files(csv_path: Optional[str], json_path: Optional[str]) -> None:
    """`ConfigError` for a file that cannot be written, before anything is measured. What it holds stays until there is
    more, and a new one is not begun: a command may not start yet."""
    for flag, path, check in (("--csv", csv_path, _try_csv), ("--json", json_path, _try_json)):
        if path:
            with _named(flag, path):
                check(path)


def report(config: PowerConfig, metered: powering.Metered, meter: EnergyMeter, listener: Listener) -> None:
    """Lines first, they need no file; then what --csv and --json ask for. What cannot be written takes none of the
    rest with it: it is an error in the end, but of a metered command a warning, since whoever ran that asks for its
    code."""
    lost: List[Exception] = []
    csv_path: Optional[str] = None
    with _noted(lost):
        _show(config, metered)
    with _noted(lost):
        csv_path = _write_csv(config.csv_path, meter, metered.reading.source, listener)
    warnings = listener.warnings + [_why(one) for one in lost]
    with _noted(lost):
        if config.json_path:
            write_json(config.json_path, dict(metered.to_dict(), csv=csv_path, warnings=warnings))
    if config.words:
        for one in lost:
            with contextlib.suppress(OSError):  # stderr itself may be what is full or gone
                listener(Warned(_why(one)))
    elif len(lost) == 1:
        raise lost[0]
    elif lost:
        raise ConfigError("; ".join(_why(one) for one in lost), "give files in a folder that can be written to")


def _show(config: PowerConfig, metered: powering.Metered) -> None:
    for line in powering.lines(metered):
        say(line, config.people_path)
    rows = powering.rail_rows(metered.reading, metered.total)
    if len(rows) > 1:
        say("rails     they overlap and are not added up", config.people_path)
        table(powering.RAIL_COLUMNS, rows, json_path=config.people_path)


def _write_csv(path: Optional[str], meter: EnergyMeter, source: str, on_event: OnEvent) -> Optional[str]:
    """The file that was written; None without one. Where there are no samples what `path` holds stays."""
    if not path:
        return None
    sampler = meter.sampler_of(source)
    if sampler is None or not len(sampler.trace):
        on_event(Note("there are no samples: nothing is written to %s" % path))
        return None
    with _named("--csv", path):
        with open(path, "w", encoding="utf-8"):  # write_csv appends
            pass
        meter.write_csv(path, source)
    return path


def _try_csv(path: str) -> None:
    is_new = not os.path.lexists(path)
    with open(path, "a", encoding="utf-8"):
        pass
    if is_new:
        os.unlink(path)


def _try_json(path: str) -> None:
    """A file is replaced by one that is written beside it; what is none, a pipe or a device, is written to."""
    if path == "-":
        return
    if os.path.exists(path) and not os.path.isfile(path):
        if not os.access(path, os.W_OK):  # to open a pipe would be to wait for its reader
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return
    beside = "%s.%d.part" % (os.path.realpath(path), os.getpid())
    with open(beside, "w", encoding="utf-8"):
        pass
    os.unlink(beside)


@contextlib.contextmanager
def _named(flag: str, path: str) -> Iterator[None]:
    """What the system says against `path` becomes an error that names it."""
    try:
        yield
    except OSError as reason:
        raise ConfigError("cannot write %s: %s" % (path, reason.strerror or reason),
                          "give %s a file in a folder that can be written to" % flag)


@contextlib.contextmanager
def _noted(lost: List[Exception]) -> Iterator[None]:
    """What cannot be written goes into `lost`."""
    try:
        yield
    except (ConfigError, OSError) as reason:
        lost.append(reason)


def _why(reason: Exception) -> str:
    if isinstance(reason, ConfigError):
        return reason.message
    return "cannot write the report: %s" % (getattr(reason, "strerror", None) or reason)
