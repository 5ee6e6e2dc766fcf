"""What one call of `dance-edge power` asks for."""
from typing import NamedTuple, Optional, Tuple


class PowerConfig(NamedTuple):
    """The flags of one call, as the user gave them; `words` is the command to meter, empty without one."""

    power: Optional[str]
    interval_s: Optional[float]
    for_s: Optional[float]
    idle_s: Optional[float]
    calibrate: bool
    calibrate_from: Optional[str]
    csv_path: Optional[str]
    json_path: Optional[str]
    words: Tuple[str, ...] = ()

    @property
    def people_path(self) -> Optional[str]:
        """What `say` and `table` are told: stdout is a metered command's, and that of `--json -`."""
        return "-" if self.words else self.json_path
