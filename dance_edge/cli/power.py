"""`dance-edge power`: the meter by itself, for a while or for as long as any command runs."""
import math
from typing import Any, Optional

import click

from dance_edge.cli import options
from dance_edge.cli.power_config import PowerConfig


class Seconds(click.ParamType):
    """A number of seconds, above 0."""

    name = "seconds"

    def convert(self, value: Any, param: Optional[click.Parameter], ctx: Optional[click.Context]) -> float:
        """The float that `value` is; refuses what is no length of time."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0.0 < seconds < math.inf:
            self.fail("%r is not a number of seconds above 0" % value, param, ctx)
        return seconds


SECONDS = Seconds()


@click.command("power", context_settings={"allow_interspersed_args": False})
@options.power_option
@click.option("--interval", "interval_s", type=SECONDS, metavar="S",
              help="Between readings of the sensor. Default: 0.1, with jtop 1, its service's period.")
@click.option("--for", "for_s", type=SECONDS, metavar="SECONDS",
              help="How long to measure. Without it Ctrl-C ends, or the command's end.")
@click.option("--idle", "idle_s", type=SECONDS, metavar="SECONDS",
              help="Measure the idle machine first: joules above that stand beside the gross ones.")
@click.option("--csv", "csv_path", metavar="FILE",
              help="Write every sample, watts by rail; --power replay:FILE plays it.")
@click.option("--calibrate", is_flag=True,
              help="Hold the sensor against an external meter at three or more loads, typed in, and keep the line "
                   "between both for this board. --for: the measurement at each load, default 10.")
@click.option("--calibrate-from", metavar="FILE.csv", help="The same, from columns sensor_w,meter_w.")
@options.json_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND ...]")
def command(**flags: Any) -> int:
    """Measure power and joules: until Ctrl-C, for --for seconds, or while COMMAND runs.

    COMMAND keeps its input, output and Ctrl-C; the report goes to stderr, and dance-edge ends with COMMAND's own exit
    code (128 + N where signal N ended it). Joules are those of the rail that feeds all, with a 95 % interval and what
    the sensor itself may be off by; a window too short for a figure says how long to run.

    \b
      dance-edge power
      dance-edge power --for 30 --json power.json
      dance-edge power --idle 10 -- python3 train.py
      dance-edge power --calibrate
    """
    from dance_edge.cli.power_report import check_files

    config = PowerConfig(**flags)
    _check(config)
    check_files(config.csv_path, config.json_path)
    if config.calibrate or config.calibrate_from:
        from dance_edge.cli.calibrating import calibrate

        calibrate(config)
        return 0
    return _power(config)


def _check(config: PowerConfig) -> None:
    from dance_edge.cli.metered_command import check_startable
    from dance_edge.errors import ConfigError

    calibrating = bool(config.calibrate or config.calibrate_from)
    if calibrating and (config.words or config.csv_path or config.idle_s):
        raise ConfigError("a calibration takes no command, --csv or --idle", "leave it out, or leave --calibrate out")
    if config.calibrate and config.calibrate_from:
        raise ConfigError("--calibrate asks for what --calibrate-from reads", "give one of them")
    if config.calibrate_from and config.for_s:
        raise ConfigError("--calibrate-from measures nothing, so that --for says nothing", "leave --for out")
    if config.power == "estimate":
        raise ConfigError("power measures, and an estimate is made from a network's MACs",
                          "give --power a sensor; estimates are in: dance-edge bench")
    if config.power == "none" and not config.words:
        raise ConfigError("--power none measures nothing", "leave it out, or give a command to run")
    if config.words and config.for_s:
        raise ConfigError("a metered command ends by itself, and --for ends nothing",
                          "leave --for out, or: dance-edge power -- timeout %g %s" % (config.for_s, config.words[0]))
    if config.words:
        check_startable(config.words)


def _power(config: PowerConfig) -> int:
    from dance_edge.cli import powering
    from dance_edge.cli.power_report import report
    from dance_edge.cli.progress import Listener

    with Listener() as listener, powering.measured(config, listener) as (metered, meter):
        report(config, metered, meter, listener)
    return metered.exit_code
