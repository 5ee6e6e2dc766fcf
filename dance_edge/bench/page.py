"""A bench's findings as the sections of a page."""
from typing import List

from dance_edge.bench.compare import (
    AGAINST_COLUMNS,
    COLUMNS,
    RUNG_COLUMNS,
    against_rows,
    energy_line,
    rows,
    rung_rows,
    size_lines,
    training_line,
)
from dance_edge.bench.findings import Findings, idle_power_w
from dance_edge.report.joules import energy_words, watts
from dance_edge.report.numbers import percent
from dance_edge.report.page import Section

TITLE = "Bench"
SCORES, POWER = "scores.png", "power.png"


def sections(found: Findings) -> List[Section]:
    """All but what was asked for besides (the paper, an earlier bench)."""
    intro = ("Over %s, %d times there and back. An image's time runs from its file to labels of its own size: "
             "decoding, complexity, resizing, the network and the way back are inside." % (found.images, found.rounds))
    page = [Section("", (intro,), COLUMNS, rows(found.measured), picture=SCORES,
                    alt="mIoU against joules an image, a point for each model")]
    if found.against:
        page.append(Section("Each against the first", (
            "Ratios of two models' turns in the same pass, with their 95 % interval. Passes go there and back: what "
            "drifts slowly drifts for both.",),
            AGAINST_COLUMNS, against_rows(found.measured, found.against)))
    page += [Section("By size", tuple(size_lines(found.measured)), RUNG_COLUMNS, rung_rows(found.measured)),
             Section("Training", items=training_lines(found)),
             Section("Where the joules come from", items=energy_lines(found), picture=POWER,
                     alt="power over time, each model's turns marked")]
    page += [Section("Conditions", items=condition_lines(found)), Section("Warnings", items=list(found.warnings))]
    return page


def training_lines(found: Findings) -> List[str]:
    """One for each model's run, and what some steps of it say."""
    lines = [training_line(cost, "training of %s" % name) for name, cost in found.costs]
    return lines + ([found.steps.line()] if found.steps is not None else [])


def energy_lines(found: Findings) -> List[str]:
    """One for each variant, and for the baseline."""
    lines = ["%s: %s" % (one.name, energy_line(one)) for one in found.measured]
    if found.idle is not None:
        idle_w = idle_power_w(found.idle)
        lines.append("idle: %s%s" % ("%s W, " % watts(idle_w) if idle_w is not None else "", energy_words(found.idle)))
    if found.meter_cost is not None:
        lines.append("the meter itself took %s of a core" % percent(found.meter_cost))
    return lines


def condition_lines(found: Findings) -> List[str]:
    """Power mode, clocks and temperatures where they are known, and who else was busy."""
    lines = ["%s: %s" % (when, then.summary()) for when, then in (("start", found.started), ("end", found.ended))
             if then.summary()]
    if found.others_share is not None:
        lines.append("other programs took %s of the processors' time" % percent(found.others_share))
    scored = ["%s over %d" % (one.name, one.miou_images) for one in found.measured if one.miou is not None]
    if scored:
        lines.append("mIoU as deployed, over the images benched that have labels: %s" % ", ".join(scored))
    return lines
