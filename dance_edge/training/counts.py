"""What a run has done so far."""
from typing import Any, Dict, List


class Counts:
    """Plain numbers and texts, stored in every checkpoint.

    `removed` are channels, or single weights. `micro_batch` (0: the plan's) and `most_pixels` of an image (0: any) are
    what memory turned out to allow. `best_miou` is the best score of the network as it is after the last prune, had
    after `best_step`; `worse` scores have followed it. `ended` says what ended the run before its last step, "" so far.
    """

    __slots__ = ("step", "offered", "kept", "pixels", "full_pixels", "macs", "duration_s", "removed", "prunes", "loss",
                 "scores", "micro_batch", "most_pixels", "best_miou", "best_step", "worse", "ended")

    def __init__(self) -> None:
        self.step = 0
        self.offered = 0
        self.kept = 0
        self.pixels = 0.0
        self.full_pixels = 0.0
        self.macs = 0.0
        self.duration_s = 0.0
        self.removed = 0
        self.prunes: List[Dict[str, Any]] = []
        self.loss = 0.0
        self.scores: List[Dict[str, Any]] = []
        self.micro_batch = 0
        self.most_pixels = 0
        self.best_miou = -1.0
        self.best_step = 0
        self.worse = 0
        self.ended = ""

    def to_dict(self) -> Dict[str, Any]:
        """Every count by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_dict(facts: Dict[str, Any]) -> "Counts":
        """The inverse of `to_dict`; what an older version did not count begins anew."""
        counts = Counts()
        for name in Counts.__slots__:
            setattr(counts, name, facts.get(name, getattr(counts, name)))
        return counts
