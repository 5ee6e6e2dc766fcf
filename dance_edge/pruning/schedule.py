"""When to prune and how much: the progressive schedule of DANCE 3.3."""
from typing import List


def prune_steps(steps: int, stages: int) -> List[int]:
    """After which optimizer steps (1-based) to prune: the ends of the first `stages` of `stages` + 1 equal parts."""
    return [max(1, (steps * (stage + 1)) // (stages + 1)) for stage in range(stages)]


def count_to_remove(stage: int, stages: int, pruning_ratio: float, total: int) -> int:
    """How many of `total` channels (or weights) are to be gone after prune `stage` (1-based): linear in the stage."""
    return int(round(pruning_ratio * total * stage / stages))
