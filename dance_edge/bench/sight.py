"""Which work a power sensor sees: one that meters a part of the machine has no joules of what is done elsewhere."""
from typing import Callable, Optional, Sequence

from dance_edge.energy.reading import PowerSensor
from dance_edge.energy.sensors import blind_to

BlindAt = Callable[[str], str]  # a place ("cpu", "cuda", a GPU's name) -> why work there is not seen, "" where it is


def all_seen(place: str) -> str:
    """A `BlindAt` of a sensor that sees the whole machine."""
    return ""


def sight_of(sensor: Optional[PowerSensor], places: Sequence[str], named: bool) -> BlindAt:
    """What `sensor` does not see. One that was `named` and sees none of `places` is taken at its word: whoever asks a
    GPU's sensor for a CPU's work alone gets that GPU's joules, with the warning that the meter has said."""
    if sensor is None:
        return all_seen
    name = sensor.name
    if named and all(blind_to(name, place) for place in places):
        return all_seen
    return lambda place: blind_to(name, place)
