"""What one call of `dance-edge bench` asks for."""
from typing import NamedTuple, Optional, Tuple

from dance_edge.bench.defaults import IMAGES, ROUNDS
from dance_edge.cli.options import ForeignFlags


class BenchConfig(NamedTuple):
    """The flags of one call, as the user gave them."""

    run_path: Optional[str]
    data: Optional[str] = None
    images: int = IMAGES
    rounds: int = ROUNDS
    models: Tuple[str, ...] = ()
    out: Optional[str] = None
    label_map: Optional[str] = None
    idle: Optional[float] = None
    train_steps: int = 0
    against: Optional[str] = None
    paper: bool = False
    profile: Optional[str] = None
    backend: str = "auto"
    precision: str = "auto"
    model: Optional[str] = None
    json_path: Optional[str] = None
    power: Optional[str] = None
    foreign: ForeignFlags = ForeignFlags()
