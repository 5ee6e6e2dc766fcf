"""What was measured of each network, as tables and JSON have it; all of one image."""
from typing import Any, Dict, NamedTuple, Optional, Tuple

from dance_edge.bench.ratio import Ratio
from dance_edge.bench.turn import Turn
from dance_edge.energy.calibration import Calibration
from dance_edge.energy.reading import EnergyReading
from dance_edge.metrics.latency import Latency
from dance_edge.size import Size


class RungCost(NamedTuple):
    """What an image takes at one size; `energy` is of one image, `images` how many of those benched run at it."""

    size: Size
    images: int
    latency: Latency
    macs: Optional[float]
    energy: EnergyReading

    def to_dict(self) -> Dict[str, Any]:
        """An entry of `rungs` in `bench --json`."""
        return {"height": self.size.height, "width": self.size.width, "images": self.images,
                "latency_ms": self.latency.to_dict(), "fps": self.latency.fps,
                "macs_g": None if self.macs is None else self.macs / 1e9,
                "energy_j_per_image": self.energy.gross_j, "energy_source": self.energy.label,
                "energy": self.energy.to_dict()}


class Measured(NamedTuple):
    """What one image takes, in the mean over the images' own mix of sizes. `macs` is of one image; `sizes` counts
    images by the network's size; `pixels_ratio` is pixels that entered the network / at full size. None: not known.
    `memory_bytes` is what the open network holds of the host's memory, and what its first images take on top, at most;
    `opening_memory_bytes` by how much the process grew at most while it was opened, with what the C library keeps of
    that, so that it depends on what was opened before; `gpu_memory_bytes` what it took of a GPU's own. `precision` is
    that of a backend that has several. `miou`, 0-1, is over `miou_images` of the images, those that have labels.
    `model` names the architecture, `weights_sha256` tells its weights from others. `turns` in order. `calibration` is
    what the joules went through, None where they did not.
    """

    name: str
    latency: Latency
    macs: Optional[float]
    params: Optional[int]
    energy: EnergyReading
    sizes: Dict[str, int]
    pixels_ratio: float
    backend: str
    memory_bytes: Optional[int] = None
    gpu_memory_bytes: Optional[int] = None
    precision: Optional[str] = None
    rungs: Tuple[RungCost, ...] = ()
    miou: Optional[float] = None
    miou_images: int = 0
    turns: Tuple[Turn, ...] = ()
    model: str = ""
    weights_sha256: Optional[str] = None
    calibration: Optional[Calibration] = None
    opening_memory_bytes: Optional[int] = None

    @property
    def images_per_j(self) -> Optional[float]:
        """Images for one joule."""
        return 1.0 / self.energy.gross_j if self.energy.gross_j else None

    def to_dict(self) -> Dict[str, Any]:
        """The promised keys of `bench --json`, and a few more."""
        return {"name": self.name, "model": self.model, "weights_sha256": self.weights_sha256,
                "latency_ms": self.latency.to_dict(), "fps": self.latency.fps,
                "macs_g": None if self.macs is None else self.macs / 1e9,
                "params_m": None if self.params is None else self.params / 1e6,
                "energy_j_per_image": self.energy.gross_j, "energy_net_j_per_image": self.energy.net_j,
                "images_per_j": self.images_per_j, "energy_source": self.energy.label,
                "energy": self.energy.to_dict(), "calibration": _line_of(self.calibration),
                "sizes": dict(self.sizes), "memory_bytes": self.memory_bytes,
                "opening_memory_bytes": self.opening_memory_bytes,
                "gpu_memory_bytes": self.gpu_memory_bytes, "pixels_ratio": self.pixels_ratio,
                "backend": self.backend, "precision": self.precision, "miou": self.miou,
                "miou_images": self.miou_images, "rungs": [one.to_dict() for one in self.rungs],
                "turns": [one.to_dict() for one in self.turns]}


class Against(NamedTuple):
    """One variant against the first. `energy` is None where not both were measured, or one by a sensor that was
    calibrated and the other not; `of` says what its joules are."""

    name: str
    first: str
    time: Optional[Ratio]
    energy: Optional[Ratio]
    of: EnergyReading = EnergyReading()

    def to_dict(self) -> Dict[str, Any]:
        """An entry of `ratios` in `bench --json`."""
        return {"name": self.name, "against": self.first, "time": self.time and self.time.to_dict(),
                "energy": self.energy and labelled(self.energy, self.of.to_dict())}


def _line_of(calibration: Optional[Calibration]) -> Optional[Dict[str, Any]]:
    """What joules went through: true watts = slope * sensor's watts + offset_w."""
    if calibration is None:
        return None
    return {name: getattr(calibration, name) for name in ("slope", "offset_w", "residual_w", "loads")}


def labelled(ratio: Ratio, energy: Dict[str, Any]) -> Dict[str, Any]:
    """A ratio of joules for JSON, with what these are: of `energy`, an `EnergyReading` as JSON has it, what is not a
    figure."""
    kept = ("measured", "source", "scope", "calibrated", "label")
    return dict(ratio.to_dict(), **{name: energy[name] for name in kept if name in energy})
