"""The command line's frame: which commands there are, and what a user reads when one of them fails."""
import difflib
import errno
import importlib
import os
import signal
import sys
import traceback
from types import FrameType
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import click

from dance_edge import __version__
from dance_edge.errors import DanceError, DeviceError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a disk, a quota or a limit on files says

# Name -> module under dance_edge.cli (its attribute `command`) and its line in `dance-edge --help`. The lines stand
# here so that the help imports no command.
COMMANDS = {
    "scan": ("scan", "Measure how much there is to see in the images of a data set."),
    "adapt": ("adapt", "Adapt a model to a target data set and slim it on the way."),
    "eval": ("evaluate", "Score a run on labelled images, each at its deployed size."),
    "export": ("export", "Write a run's model as ONNX and check it against PyTorch."),
    "serve": ("serve", "Segment a video, a camera or a folder, frame by frame."),
    "bench": ("bench", "Measure latency, MACs and joules, before and after."),
    "power": ("power", "Measure power and joules, alone or of any command."),
    "demo": ("demo", "All of the above, on street scenes drawn here, in minutes."),
    "doctor": ("doctor", "Say what this machine has: backends, sensors, cameras."),
}


class Settings(NamedTuple):
    """The options before the command, found as `obj` of click's context. `verbose` counts the -v."""

    verbose: int
    quiet: bool
    debug: bool


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called or asked for help, never to be listed."""

    def list_commands(self, ctx: click.Context) -> List[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module("dance_edge.cli." + COMMANDS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: List[str]
    ) -> Tuple[Optional[str], Optional[click.Command], List[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            meant = ", did you mean %r?" % near[0] if near else ""
            raise click.UsageError("there is no command %r%s" % (args[0], meant), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with: dance-edge demo. More: dance-edge COMMAND --help.",
)
@click.option("-v", "--verbose", count=True, help="Log what the parts do, for debugging; -vv for more.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes; warnings, errors and results stay.")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.version_option(__version__, prog_name="dance-edge", message="%(prog)s %(version)s")
@click.pass_context
def group(ctx: click.Context, verbose: int, quiet: bool, debug: bool) -> None:
    """Adapt a segmentation model to the world that it will see, slim it, and run it on a small board.

    Images that show little are made smaller, dropped more often and weigh less (DANCE, data-network co-optimization);
    the network loses the channels that matter least.
    """
    ctx.obj = Settings(verbose, quiet, debug)
    if verbose:
        import logging

        logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("dance_edge").setLevel(logging.INFO if verbose == 1 else logging.DEBUG)


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """The process's entry: run the command line and end with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code, which is what the command returns, 0 for None; whatever goes wrong
    is said on stderr, here and only here."""
    debug, arguments = _take_debug(arguments)
    before = signal.getsignal(signal.SIGTERM)
    if before is not signal.SIG_IGN:  # who starts us may have it ignored, and what we start has to inherit that
        signal.signal(signal.SIGTERM, _terminate_in(os.getpid()))
    try:
        front = ["--debug"] if debug else []
        return int(group.main(args=front + (arguments or ["--help"]), prog_name="dance-edge", standalone_mode=False)
                   or 0)
    except DanceError as error:
        return _failed(error.message, error.hint, error.exit_code, debug)
    except click.Abort:  # what click makes of KeyboardInterrupt
        return _failed("interrupted", "", 130, debug)
    except _Terminated:
        return _failed("terminated", "", 143, debug)
    except click.UsageError as error:
        return _failed(error.format_message(), "see: %s --help" % _command_path(error), 2, debug)
    except click.ClickException as error:
        return _failed(error.format_message(), "see: dance-edge --help", 2, debug)
    except OSError as error:
        if error.errno not in FULL:
            return _unexpected(error, debug)
        return _failed("cannot write%s: %s" % (" " + str(error.filename) if error.filename else "", error.strerror),
                       "make room, then start the same command again", DeviceError.exit_code, debug)
    except Exception as error:  # the last door: a user gets a line, not our stack
        return _unexpected(error, debug)
    finally:
        signal.signal(signal.SIGTERM, before)


def _take_debug(arguments: Sequence[str]) -> Tuple[bool, List[str]]:
    """`--debug` counts before and after the command's name, though not behind `--`, nor behind the first word of a
    command line that a command of ours is to run (`power`), which may lack the two dashes."""
    if "--debug" not in arguments:
        return False, list(arguments)
    end = _ours_end(arguments)
    kept = [one for one in arguments[:end] if one != "--debug"] + list(arguments[end:])
    return len(kept) < len(arguments), kept


def _ours_end(arguments: Sequence[str]) -> int:
    """How many of `arguments` may hold options of ours."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    at = next((i for i, one in enumerate(arguments[:end]) if not one.startswith("-")), end)
    command = group.get_command(click.Context(group), arguments[at]) if at < end else None
    if command is None or command.context_settings.get("allow_interspersed_args", True):
        return end
    valued = [flag for one in command.params if isinstance(one, click.Option) and not one.is_flag for flag in one.opts]
    at += 1
    while at < end and arguments[at].startswith("-"):
        at += 2 if arguments[at] in valued else 1
    return min(at, end)


def _command_path(error: click.UsageError) -> str:
    return error.ctx.command_path if error.ctx is not None else "dance-edge"


def _failed(message: str, hint: str, exit_code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    _say("error: " + message)
    if hint:
        _say("hint:  " + hint)
    return exit_code


def _unexpected(error: Exception, debug: bool) -> int:
    if isinstance(error, RuntimeError) and "ASCII as encoding" in str(error):  # click 8.0 on Python 3.6
        return _failed("this locale lets Python read ASCII only", "set another: export LC_ALL=C.UTF-8", 2, debug)
    text = "%s: %s" % (type(error).__name__, error) if str(error) else type(error).__name__
    return _failed("unexpected %s%s" % (text, "" if debug else " (--debug shows where)"), "", 1, debug)


def _say(line: str) -> None:
    """One line on stderr, whatever the message holds."""
    click.echo(" ".join(part.strip() for part in line.splitlines() if part.strip()), err=True)


class _Terminated(BaseException):
    """SIGTERM, on its way up: like KeyboardInterrupt it passes every `except Exception`, and `finally` is heeded."""


def _terminate_in(home_pid: int) -> Callable[[int, Optional[FrameType]], None]:
    """The handler of SIGTERM in the process `home_pid`; a worker that inherits it by a fork just leaves."""

    def handler(signum: int, frame: Optional[FrameType]) -> None:
        if os.getpid() != home_pid:
            os._exit(128 + signum)
        raise _Terminated

    return handler
