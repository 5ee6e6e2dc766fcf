"""`dance-edge power --calibrate`: a board's sensor held against an external meter."""
import csv
import math
import sys
import time
from typing import Callable, List, Optional, Tuple

import click

from dance_edge.cli import powering
from dance_edge.cli.output import say, write_json
from dance_edge.cli.power_config import PowerConfig
from dance_edge.cli.progress import Listener
from dance_edge.energy import calibration
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.sensors import REPLAY
from dance_edge.errors import ConfigError, DataError, DeviceError
from dance_edge.events import Note, OnEvent
from dance_edge.report.joules import watts

LOAD_S = 10.0
COLUMNS = ("sensor_w", "meter_w")
Pairs = List[Tuple[float, float]]


def calibrate(config: PowerConfig) -> None:
    """As `config` asks: take the pairs, fit, keep the result for this board and say what came out. Loads that were
    typed are shown where they could not be kept: each took its time."""
    if (config.power or "").startswith(REPLAY):
        raise ConfigError("a recorded trace is no sensor of this board: there is nothing to calibrate",
                          "give --power the sensor itself, or leave it out")
    pairs = read_pairs(config.calibrate_from) if config.calibrate_from else []
    try:
        found, path = _kept(config, pairs)
    except BaseException:  # Ctrl-C and SIGTERM too
        if pairs and not config.calibrate_from:
            _show_pairs(pairs)
        raise
    say("calibrated %s, rail %s, at %d loads" % (found.source, found.scope, found.loads), config.json_path)
    say("slope     %.5g" % found.slope, config.json_path)
    say("offset    %.4g W" % found.offset_w, config.json_path)
    say("residual  %.2g W, the largest difference left at a load" % found.residual_w, config.json_path)
    say("kept      %s" % path, config.json_path)
    if config.json_path:
        write_json(config.json_path, {
            "format": powering.FORMAT, "calibration": found._asdict(), "path": path,
            "pairs": [dict(zip(COLUMNS, pair)) for pair in pairs]})


def _kept(config: PowerConfig, pairs: Pairs) -> Tuple[calibration.Calibration, str]:
    """The line through `pairs`, and the file that it is in now. Without a file of pairs they are asked for, and
    appended as they come."""
    with Listener() as listener, powering.opened(config, listener) as meter:
        if meter.sensor is None or not meter.sensor.scope:
            raise DeviceError("there is no rail that feeds all, and so nothing to calibrate",
                              "dance-edge doctor says which sensors and rails there are")
        source, scope = meter.sensor.name, meter.sensor.scope
        meter.calibration = None  # an earlier one is what is to be replaced

        def fitted() -> calibration.Calibration:
            return calibration.fit(pairs, calibration.board_id(), source, scope)

        if not config.calibrate_from:
            _ask(meter, config.for_s or LOAD_S, listener, pairs, fitted)
    found, path = fitted(), calibration.path_of(source)
    try:
        calibration.save(found, path)
    except OSError as reason:
        raise ConfigError("cannot write %s: %s" % (path, reason.strerror or reason),
                          "set XDG_CONFIG_HOME to a folder that can be written to")
    return found, path


def read_pairs(path: str) -> Pairs:
    """(sensor's watts, meter's watts) of a CSV file with these two columns; `DataError` for what it is not."""
    hint = "its first line: %s; then a line a load, in watts" % ",".join(COLUMNS)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = [(number, row) for number, row in enumerate(csv.reader(file), 1)
                    if row and any(cell.strip() for cell in row) and not row[0].startswith("#")]
    except (OSError, ValueError, csv.Error) as reason:
        raise DataError("cannot read %s: %s" % (path, getattr(reason, "strerror", None) or reason), hint)
    header = [cell.strip() for cell in rows[0][1]] if rows else []
    if not set(COLUMNS) <= set(header):
        raise DataError("%s has no columns %s" % (path, " and ".join(COLUMNS)), hint)
    pairs = []
    for number, row in rows[1:]:
        cells = dict(zip(header, row))
        found = [_number(cells.get(column, "")) for column in COLUMNS]
        if found[0] is None or found[1] is None:
            raise DataError("%s, line %d is not two numbers: %s" % (path, number, ",".join(row)), hint)
        pairs.append((found[0], found[1]))
    if not pairs:
        raise DataError("%s has no load, no line below its columns' names" % path, hint)
    return pairs


def _ask(meter: EnergyMeter, seconds: float, on_event: OnEvent, pairs: Pairs, fitted: Callable[[], object]) -> None:
    """Append a load at a time to `pairs`: what the meter reads is typed, then the sensor is measured under the same
    load. An empty line ends it once `fitted` takes them, the end of the input ends it anyway."""
    on_event(Note("%d loads or more, from idle to full work. Set one, let the meter settle, type what it reads, and "
                  "keep the load while the sensor is measured for %g s." % (calibration.MIN_LOADS, seconds)))
    while True:
        click.echo("load %d: meter reads, in watts (empty line: done): " % (len(pairs) + 1), err=True, nl=False)
        line = sys.stdin.readline()
        if not line:
            click.echo("", err=True)
            return
        if not line.strip():
            try:
                fitted()
                return
            except ConfigError as lacking:
                click.echo("not yet: %s (%s)" % (lacking.message, lacking.hint), err=True)
                continue
        meter_w = _number(line)
        if meter_w is None or meter_w <= 0.0:
            click.echo("%r is not a number of watts" % line.strip(), err=True)
            continue
        sensor_w = _measured(meter, seconds)
        if sensor_w is not None:
            click.echo("load %d: sensor %s W, meter %s W" % (len(pairs) + 1, watts(sensor_w), watts(meter_w)), err=True)
            pairs.append((sensor_w, meter_w))


def _measured(meter: EnergyMeter, seconds: float) -> Optional[float]:
    """The sensor's mean watts over `seconds`; None, which is said, where there is no figure to calibrate by."""
    with meter.window("load") as window:
        time.sleep(seconds)
    reading = window.reading()
    if reading.gross_j is None or reading.gross_j <= 0.0:
        click.echo("no figure of the sensor, the load does not count: %s" % (reading.reason or "it reads 0 W or less"),
                   err=True)
        return None
    return reading.gross_j / reading.duration_s


def _show_pairs(pairs: Pairs) -> None:
    """As `read_pairs` takes them."""
    click.echo("the loads so far, as a file for --calibrate-from:", err=True)
    for line in [",".join(COLUMNS)] + ["%.6g,%.6g" % pair for pair in pairs]:
        click.echo(line, err=True)


def _number(text: str) -> Optional[float]:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
