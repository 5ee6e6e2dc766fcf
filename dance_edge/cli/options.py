"""Options that several commands share, so that each has one name, one meaning and one help text."""
import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

PRECISIONS = ("auto", "fp16", "fp32", "int8")
BACKENDS = ("auto", "onnxruntime", "torch", "tensorrt")


def _writable(ctx: click.Context, param: click.Parameter, value: Optional[str]) -> Optional[str]:
    """A path that cannot be written is refused before the work, not after it."""
    if value is None or value == "-":
        return value
    folder = os.path.dirname(value) or "."
    if not os.path.isdir(folder):
        raise click.BadParameter("there is no folder %r" % folder, ctx, param)
    if os.path.isdir(value):
        raise click.BadParameter("%r is a folder, a file is expected" % value, ctx, param)
    return value


def json_option(function: F) -> F:
    """`--json PATH`, as `json_path`."""
    return click.option("--json", "json_path", metavar="PATH", callback=_writable,
                        help="Write the result as one JSON object to PATH; - for stdout.")(function)


def run_argument(function: F) -> F:
    """The positional RUN, as `run_path` (None where it is left out)."""
    return click.argument("run_path", metavar="[RUN]", required=False)(function)


def data_option(function: F) -> F:
    """`--data DIR`, as `data`."""
    return click.option("--data", metavar="DIR",
                        help="Images to use instead of the run's target and its stored split.")(function)


def split_option(function: F) -> F:
    """`--split NAME`, as `split`."""
    return click.option("--split", metavar="NAME",
                        help="The split of the data to read, by its name: train, val, test.")(function)


def label_map_option(function: F) -> F:
    """`--label-map FILE.json|NAME`, as `label_map`."""
    return click.option("--label-map", metavar="FILE.json|NAME",
                        help="The data's class names to the model's, null for void; or a shipped map's name.")(function)


def batch_size_option(function: F) -> F:
    """`--batch-size N`, as `batch_size` (None where it is left out)."""
    return click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Images per step.")(function)


def backend_option(function: F) -> F:
    """`--backend`, as `backend`."""
    return click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True,
                        help="What runs the network; auto takes the quickest that works, and says why.")(function)


def precision_option(function: F) -> F:
    """`--precision`, as `precision`."""
    return click.option("--precision", type=click.Choice(PRECISIONS), default="auto", show_default=True,
                        help="Of TensorRT's engines; auto takes fp16 where the GPU is fast at it.")(function)


def _power_kind(ctx: click.Context, param: click.Parameter, value: Optional[str]) -> Optional[str]:
    """What is no kind of sensor is refused before the work, and before a sensor is looked for."""
    if value is not None:
        from dance_edge.energy.sensors import check_kind

        check_kind(value)
    return value


def power_option(function: F) -> F:
    """`--power KIND`, as `power`; None where it is left out, which means auto."""
    return click.option("--power", metavar="KIND", callback=_power_kind,
                        help="What measures joules: auto (default: the first of these that is there), jtop, ina3221, "
                             "nvml, rapl, replay:FILE; estimate (by a TX2's model), none.")(function)


def model_option(function: F) -> F:
    """`--model NAME|module:factory`, as `model`."""
    return click.option("--model", metavar="NAME|MODULE:FACTORY",
                        help="The architecture: a name of the catalogue, or your own factory(num_classes=N).")(function)


def profile_option(function: F) -> F:
    """`--profile FILE`, as `profile`."""
    return click.option("--profile", metavar="FILE", help="A profile.json of scan, instead of the run's own.")(function)


class ForeignFlags(NamedTuple):
    """What a user says of an ONNX file that carries no manifest, as it was typed."""

    classes: Optional[str] = None
    mean: Optional[str] = None
    std: Optional[str] = None
    channels: Optional[str] = None
    stride: Optional[int] = None

    def given(self) -> List[str]:
        """The flags that were given, as they are typed: `--mean`."""
        return ["--" + name for name, value in self._asdict().items() if value is not None]


def take_foreign(flags: Dict[str, Any]) -> ForeignFlags:
    """Those of `foreign_options`, taken out of a command's `flags`."""
    return ForeignFlags(*[flags.pop(name) for name in ForeignFlags._fields])


def foreign_options(function: F) -> F:
    """The flags of `ForeignFlags`, for ONNX files of any origin."""
    for option in reversed((
            click.option("--classes", metavar="NAMES|FILE.json",
                         help="Of an ONNX file from elsewhere, as all up to --stride: its classes in the order of "
                              "their ids, as a,b,c, a classes.json, or camvid11, cityscapes19, bdd100k19, idd7."),
            click.option("--mean", metavar="R,G,B", help="Its mean of each channel, of images in [0, 1], in the order "
                                                         "of --channels: B,G,R with bgr."),
            click.option("--std", metavar="R,G,B", help="Its standard deviation of each channel, likewise."),
            click.option("--channels", type=click.Choice(("rgb", "bgr")), help="The order of its input's channels."),
            click.option("--stride", type=click.IntRange(min=1), metavar="N",
                         help="What its input's height and width must be multiples of. Default: 32."))):
        function = option(function)
    return function
