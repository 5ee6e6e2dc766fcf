"""What a run came to, as report.json says it."""
from typing import Any, Dict

from dance_edge.energy.conditions import conditions
from dance_edge.pruning.layers import layer_rows, rows_to_dicts
from dance_edge.training.counts import Counts
from dance_edge.training.evaluate import Evaluation
from dance_edge.training.run_meter import RunMeter
from dance_edge.training.setup import Setup


def run_facts(setup: Setup, counts: Counts, state: Dict[str, Any], after: Evaluation,
              meter: RunMeter) -> Dict[str, Any]:
    """The training part of report.json, its keys those of `adapt --json`. `state` is that of run.json.

    `energy_phases` are the joules of each thing the run did, `energy.coverage` the share of its time that was metered.
    `conditions` are those at the run's first start and now, `meter_cost` the last start's.
    """
    energy = meter.whole(counts.macs, counts.duration_s)
    before = state["before"]
    full = sum(setup.full_pixels) / float(len(setup.full_pixels))
    last: Dict[str, Any] = counts.prunes[-1] if counts.prunes else {}
    rows = layer_rows(setup.plan.widths, last.get("kept_channels", last.get("kept_weights", {})),
                      getattr(setup.trainee.network, "multi_scale", ()))
    return {
        "steps": counts.step, "resumed_from_step": state["resumed_from_step"],
        "images_offered": counts.offered, "images_kept": counts.kept,
        "pixels_ratio": counts.pixels / max(1.0, counts.full_pixels),
        "pixels_ratio_offered": counts.pixels / max(1.0, counts.offered * full),
        "macs_p": counts.macs / 1e15, "channels_kept": last.get("channels_kept", 1.0),
        "weights_kept": last.get("weights_kept", 1.0), "layers": rows_to_dicts(rows), "duration_s": counts.duration_s,
        "energy_j": energy.gross_j, "energy_source": energy.label, "energy": energy.to_dict(),
        "conditions": {"start": meter.began, "end": conditions().to_dict()}, "meter_cost": meter.meter.cost,
        "energy_phases": {name: reading.to_dict() for name, reading in meter.phases().items()},
        "miou_before": before["miou"] if before else None, "miou_after": after.miou,
        "before": before, "after": after.to_dict(), "split": setup.target.how, "prunes": counts.prunes,
        "broken": [list(one) for one in setup.broken], "batch_size": setup.plan.batch_size,
        "last_loss": counts.loss, "scores": counts.scores, "best_step": counts.best_step, "ended_by": counts.ended,
        "source_before": state.get("source_before"), "micro_batch": counts.micro_batch or setup.plan.micro_batch}
