"""When to prune and how many channels: the progressive schedule of DANCE 3.3."""
from typing import List


def prune_steps(steps: int, stages: int) -> List[int]:
    """After which optimizer steps (1-based) to prune: the ends of the first `stages` of `stages` + 1 equal parts."""
    return [max(1, (steps * (stage + 1)) // (stages + 1)) for stage in range(stages)]


def channels_to_remove(stage: int, stages: int, pruning_ratio: float, scope_channels: int) -> int:
    """How many of the scope's original channels are to be gone after prune `stage` (1-based): linear in the stage."""
    return int(round(pruning_ratio * scope_channels * stage / stages))
