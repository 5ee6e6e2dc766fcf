"""The plan of a run, before a joule is spent on it."""
from typing import Any, Dict, List

from dance_edge.pruning.schedule import count_to_remove
from dance_edge.training.expected import Expected
from dance_edge.training.setup import Setup


def forecast(setup: Setup, expected: Expected) -> Dict[str, Any]:
    """`adapt --dry-run --json`: length, images, pixels, MACs, time and joules expected, what is pruned when."""
    config, plan = setup.config, setup.plan
    full = sum(setup.full_pixels) / float(len(setup.full_pixels))
    return dict(
        expected.to_dict(), model=setup.manifest.model, scope=config.scope, batch_size=plan.batch_size,
        micro_batch=plan.micro_batch, pixels_ratio_offered=expected.pixels / max(1.0, expected.offered * full),
        images_train=len(setup.target.train), images_val=len(setup.target.val), split=setup.target.how,
        learning_rate=plan.learning_rate, stages=_stages(setup), layers=dict(plan.widths))


def _stages(setup: Setup) -> List[Dict[str, Any]]:
    config, total = setup.config, sum(setup.plan.widths.values())
    steps = [step for phase in setup.phases() for step in phase.prune_at]
    return [{"stage": i + 1, "after_step": step, "of": total,
             "removed": count_to_remove(i + 1, config.stages, config.pruning_ratio, total)}
            for i, step in enumerate(steps)]
