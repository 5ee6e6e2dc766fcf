"""`dance-edge serve`: a run's network over a video, a folder of images or a camera."""
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional

import click

from dance_edge.cli import options

if TYPE_CHECKING:
    from dance_edge.cli.progress import Listener
    from dance_edge.complexity.profile import ComplexityProfile
    from dance_edge.events import OnEvent
    from dance_edge.interrupt import StopRequest
    from dance_edge.manifest import Manifest
    from dance_edge.serve.pipeline import Segmenter
    from dance_edge.serve.sinks import Sink
    from dance_edge.serve.source import Source

FORMAT = 1


class ServeConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    video: Optional[str]
    camera: Optional[str]
    realtime: bool
    frames: Optional[int]
    out: Optional[str]
    log: Optional[str]
    profile: Optional[str]
    backend: str
    precision: str
    model: Optional[str]
    json_path: Optional[str]
    power: Optional[str] = None
    foreign: options.ForeignFlags = options.ForeignFlags()


@click.command("serve")
@options.run_argument
@click.option("--video", metavar="FILE|DIR", help="A video file, or a folder of images. No frame is dropped.")
@click.option("--camera", metavar="N|URL|PIPELINE",
              help="A camera's number, an rtsp:// address, or a GStreamer pipeline that ends in appsink. "
                   "Frames that cannot be served in time are dropped.")
@click.option("--realtime", is_flag=True, help="Play --video at its own speed, as a camera would give it.")
@click.option("--frames", type=click.IntRange(min=1), metavar="N", help="Stop after N frames.")
@click.option("--out", metavar="FILE.mp4", help="Write the overlaid frames as a video.")
@click.option("--log", metavar="FILE.jsonl", help="Write a line of JSON a frame: p, size, milliseconds.")
@options.profile_option
@options.foreign_options
@options.backend_option
@options.precision_option
@options.model_option
@options.power_option
@options.json_option
def command(**flags: Any) -> None:
    """Segment a video, a camera or a folder; each frame is resized by its own complexity.

    RUN is a run folder, an .onnx or a .pt file; runs/latest where it is left out. Ctrl-C ends a camera: what was
    written until then is whole. Of an ONNX file that comes from elsewhere, flags say what it does not.

    \b
      dance-edge serve --camera 0 --out drive.mp4
      dance-edge serve runs/latest --video drive.mp4 --out overlay.mp4 --log frames.jsonl
      dance-edge serve net.onnx --camera 0 --profile cam/profile.json --classes cityscapes19 --channels rgb \\
          --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225
    """
    foreign = options.take_foreign(flags)
    _serve(ServeConfig(foreign=foreign, **flags))


def _serve(config: ServeConfig) -> None:
    from dance_edge.cli.output import write_json
    from dance_edge.cli.progress import Listener
    from dance_edge.errors import Interrupted
    from dance_edge.interrupt import StopRequest

    _check(config)
    with Listener() as listener, StopRequest() as stop:
        result = run_serve(config, stop, listener)
    if config.json_path:
        write_json(config.json_path, result)
    _print(result, config)
    if stop.exit_code:
        raise Interrupted("stopped after %d frames" % result["frames"], "what was written until then is whole",
                          stop.exit_code)


def run_serve(config: ServeConfig, stop: "StopRequest", listener: "Listener") -> Dict[str, Any]:
    """Serve to the end or until `stop`; the keys of `serve --json`. Nothing is printed."""
    from dance_edge.cli.backend import as_run_by, manifest_of, open_engines
    from dance_edge.cli.foreign_onnx import Asked, onnx_manifest
    from dance_edge.run import open_run
    from dance_edge.serve.pipeline import Segmenter

    run = as_run_by(open_run(config.run_path), config.backend)
    asked = Asked(config.foreign, config.profile, _line(config), "--profile")
    manifest = onnx_manifest(run, asked, listener) or manifest_of(run)
    profile = _profile(config, manifest)
    with open_engines(run, config.backend, config.model, listener, precision=config.precision) as engines:
        source = _open_source(config, listener)
        try:
            segmenter = Segmenter(engines, manifest, profile, listener)
            facts = _metered(config, source, segmenter, stop, listener, engines.place or "cpu")
        finally:
            source.close()
    return dict(facts, format=FORMAT, run=run.path, source=source.name, backend=engines.name,
                profile=profile.to_dict() if profile else None, out=config.out, log=config.log,
                warnings=list(listener.warnings))


def _line(config: ServeConfig) -> str:
    """The command as it was typed, but for what describes the network."""
    import shlex

    words = ["serve", config.run_path or ""]
    words += ["--video", config.video] if config.video is not None else ["--camera", config.camera or "0"]
    return " ".join(shlex.quote(word) for word in words if word)


def _metered(config: ServeConfig, source: "Source", segmenter: "Segmenter", stop: "StopRequest",
             on_event: "OnEvent", place: str) -> Dict[str, Any]:
    """What the stream came to, under which conditions, and what the meter itself cost; `place` is where the network
    runs, which the sensor must see."""
    from dance_edge.energy.conditions import conditions
    from dance_edge.energy.sensors import metered
    from dance_edge.serve.pipeline import serve

    with metered(config.power or "auto", on_event=on_event, place=place) as meter:
        sinks = _sinks(config, source, segmenter.manifest)  # after the sensor: where that is missing no file is begun
        started = conditions()
        report = serve(source, segmenter, sinks, meter, on_event, config.frames, lambda: bool(stop.exit_code))
        return dict(report.to_dict(), meter_cost=meter.cost,
                    conditions={"start": started.to_dict(), "end": conditions().to_dict()})


def _check(config: ServeConfig) -> None:
    from dance_edge.errors import ConfigError

    if (config.video is None) == (config.camera is None):
        raise ConfigError("serve takes frames from --video or from --camera" + (", not both" if config.video else ""),
                          "give --video FILE, or --camera 0 for the first camera")
    if config.realtime and config.video is None:
        raise ConfigError("--realtime plays a file, a camera does so by itself", "leave it out, or give --video FILE")


def _profile(config: ServeConfig, manifest: "Manifest") -> "Optional[ComplexityProfile]":
    from dance_edge.complexity.profile import load_profile
    from dance_edge.errors import ConfigError

    if config.profile:
        return load_profile(config.profile)
    if manifest.profile is None and manifest.only_size is None:
        raise ConfigError("the model carries no profile, so that a complexity has no p",
                          "make one: dance-edge scan VIDEO --out DIR; then --profile DIR/profile.json")
    return manifest.profile


def _open_source(config: ServeConfig, on_event: "OnEvent") -> "Source":
    from dance_edge.serve.camera import open_camera, open_realtime
    from dance_edge.serve.source import open_video

    if config.video is None:
        return open_camera(config.camera or "0", on_event)
    return open_realtime(config.video, on_event) if config.realtime else open_video(config.video, on_event)


def _sinks(config: ServeConfig, source: "Source", manifest: "Manifest") -> "List[Sink]":
    from dance_edge.serve.overlay import Overlay
    from dance_edge.serve.sinks import JsonLinesSink, VideoSink

    sinks: "List[Sink]" = []
    if config.out:
        sinks.append(VideoSink(config.out, source.fps, Overlay(manifest.classes), keep_time=source.live))
    if config.log:
        sinks.append(JsonLinesSink(config.log))
    return sinks


def _print(result: Dict[str, Any], config: ServeConfig) -> None:
    from dance_edge.cli.output import say
    from dance_edge.energy.reading import reading_from_dict
    from dance_edge.report.joules import energy_words

    latency = result["latency_ms"]
    lines = ["%d frames in %.1f s%s%s" % (
        result["frames"], result["duration_s"],
        ", %.1f a second" % result["fps"] if result["fps"] else "",
        ", %d dropped" % result["dropped"] if result["dropped"] else "")]
    if result["frames"]:
        lines.append("latency   %.1f ms (median), %.1f ms (99th percentile), from capture to labels"
                     % (latency["p50"], latency["p99"]))
        lines.append("sizes     " + ", ".join("%s: %d" % one for one in sorted(
            result["sizes"].items(), key=lambda size: [int(side) for side in size[0].split("x")])))
    lines.append("energy    " + energy_words(reading_from_dict(result["energy"]), " an image"))
    lines += ["%-9s %s" % (name, result[name]) for name in ("out", "log") if result[name]]
    for line in lines:
        say(line, config.json_path)
