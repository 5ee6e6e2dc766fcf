"""Our savings beside the paper's. Typed in from Tables 1, 2 and 3 of DANCE (Cityscapes and CamVid from scratch, BDD100K
by adaptation; on a Jetson TX2), whose "FLOPs" are MACs and whose joules were measured there."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from dance_edge.bench.compare import against_rows, joules_ratio
from dance_edge.bench.findings import Findings
from dance_edge.bench.ratio import Ratio, quotient
from dance_edge.energy.reading import EnergyReading
from dance_edge.energy.tx2_model import INFERENCE_PAIRS, TRAINING_PAIRS
from dance_edge.report.joules import kind
from dance_edge.report.numbers import change
from dance_edge.report.page import Section

COLUMNS = ("", "data", "model", "training MACs", "training energy", "MACs an image", "energy an image", "time an image",
           "mIoU", "what the energy is")
MODELS = {"deeplabv3plus": "DeepLabv3+", "pspnet": "PSPNet", "icnet": "ICNet", "bisenet": "BiSeNet"}
LABEL = "measured (paper, Jetson TX2)"
SOURCE = "DANCE, Tables 1 to 3"


class Row(NamedTuple):
    """A base model and what DANCE changes in it. MACs in P of a training run and in G of an image, joules in MJ and J;
    mIoU 0-1."""

    table: int
    data: str
    model: str
    training_macs_p: float
    macs_g: float
    training_mj: float
    image_j: float
    miou: float
    training_macs_change_percent: float
    macs_change_percent: float
    training_energy_change_percent: float
    energy_change_percent: float
    miou_points: float


def _rows() -> Tuple[Row, ...]:
    """MACs and joules of the base models stand with the model that was fitted to them."""
    return tuple(Row(table, data, model, run[0], image[0], run[1], image[1], miou / 100.0, *changes)
                 for (table, data, model, miou, *changes), image, run in zip(CHANGES, INFERENCE_PAIRS, TRAINING_PAIRS))


CHANGES = (  # table, data, model, mIoU in percent; training MACs, MACs, training energy, energy an image, mIoU
    (1, "Cityscapes", "deeplabv3plus", 68.05, -35.75, -53.67, -39.69, -45.02, 3.44),
    (1, "Cityscapes", "pspnet", 65.59, -39.28, -50.23, -34.92, -42.81, 1.93),
    (1, "Cityscapes", "icnet", 47.74, -49.77, -55.67, -45.27, -47.69, 13.34),
    (1, "Cityscapes", "bisenet", 71.69, -32.77, -39.29, -25.66, -31.27, -0.71),
    (2, "CamVid", "deeplabv3plus", 69.15, -32.76, -47.6, -31.76, -43.65, 1.51),
    (2, "CamVid", "pspnet", 65.28, -39.69, -46.47, -32.22, -41.22, 2.82),
    (2, "CamVid", "icnet", 53.29, -45.32, -52.64, -49.21, -56.21, 1.40),
    (2, "CamVid", "bisenet", 68.6, -38.09, -41.10, -32.45, -33.76, -0.27),
    (3, "BDD100K", "deeplabv3plus", 52.66, -79.31, -51.86, -77.15, -43.5, 0.12),
    (3, "BDD100K", "pspnet", 39.54, -37.47, -49.65, -25.18, -40.29, 5.51),
    (3, "BDD100K", "icnet", 39.53, -58.65, -51.51, -61.47, -37.47, 0.47),
    (3, "BDD100K", "bisenet", 56.20, -34.08, -44.47, -27.92, -38.46, 0.27),
)
PAPER = _rows()


class Ours(NamedTuple):
    """A model against the first one, where they can be compared; training is compared where both have a run."""

    name: str
    against: str
    model: str
    training_macs: Optional[float]  # after / before, as the ratios
    training_energy: Optional[float]
    training_of: EnergyReading
    macs: Optional[float]
    energy: Optional[Ratio]
    energy_of: EnergyReading
    time: Optional[Ratio]
    miou_points: Optional[float]

    def to_dict(self) -> Dict[str, Any]:
        """An entry of `ours`: changes in percent, as in the paper's `rows`; null where there is none."""
        return {"name": self.name, "against": self.against, "model": self.model or None,
                "training_macs_change_percent": _percent(self.training_macs),
                "training_energy_change_percent": _percent(self.training_energy),
                "training_energy_source": kind(self.training_of),
                "macs_change_percent": _percent(self.macs), "energy_source": kind(self.energy_of),
                **_changes("energy", self.energy), **_changes("time", self.time), "miou_points": self.miou_points}


def section(found: Findings) -> Section:
    """Ours on top, of each model against the first, and the paper's below, those of the same network first."""
    ours = [_own_cells(one, row) for one, row in zip(own(found), against_rows(found.measured, found.against))]
    networks = {one.model for one in found.measured}
    ordered = sorted(PAPER, key=lambda row: (row.model not in networks, row.table))
    return Section("Beside the paper", (
        "Only ratios compare: our images, networks' sizes, lengths of training and machine are other ones than the "
        "paper's (%s). It gives no times. Of our training there is a ratio where the first model is a run too: "
        "--models PLAIN --models RUN." % SOURCE,), COLUMNS, ours + [_cells(row) for row in ordered])


def to_dict(found: Findings) -> Dict[str, Any]:
    """`paper` in `bench --json`: the table, whose joules (MJ of a run, J of an image) were measured, and ours."""
    return {"source": SOURCE, "energy_source": LABEL, "rows": [dict(row._asdict(), energy_source=LABEL)
                                                               for row in PAPER],
            "ours": [one.to_dict() for one in own(found)]}


def own(found: Findings) -> List[Ours]:
    """Each model but the first against it."""
    rows = []
    first, runs = found.measured[0], [cost for _, cost in found.costs]
    both = len(runs) == len(found.measured)  # of a RUN and its source there is one training
    for i, (one, against) in enumerate(zip(found.measured[1:], found.against), 1):
        points = None if first.miou is None or one.miou is None else 100.0 * (one.miou - first.miou)
        rows.append(Ours(
            one.name, against.first, one.model, _over(runs[0].macs_p, runs[i].macs_p) if both else None,
            quotient(runs[0].energy, runs[i].energy) if both else None,
            runs[i].energy if both else EnergyReading(reason="both are of one run"), _over(first.macs, one.macs),
            joules_ratio(first, one, against), one.energy, against.time, points))
    return rows


def _over(before: Optional[float], after: Optional[float]) -> Optional[float]:
    return None if not before or after is None else after / before


def _percent(ratio: Optional[float]) -> Optional[float]:
    return None if ratio is None else 100.0 * (ratio - 1.0)


def _changes(what: str, ratio: Optional[Ratio]) -> Dict[str, Optional[float]]:
    """`energy_change_percent`, `energy_low_percent`, `energy_high_percent`."""
    parts = (None, None, None) if ratio is None else (ratio.value, ratio.low, ratio.high)
    return {"%s_%s_percent" % (what, name): _percent(part) for name, part in zip(("change", "low", "high"), parts)}


def _own_cells(one: Ours, row: List[str]) -> List[str]:
    """Cells under `COLUMNS`; `row` is the model's among `against_rows`."""
    training = "-"
    if one.training_energy is not None:
        training = "%s, %s%s" % (change(1.0, one.training_energy), kind(one.training_of),
                                 ", interval not known" if one.training_of.measured else "")
    return ["ours: %s against %s" % (one.name, one.against), "as above", one.model or "-",
            change(1.0, one.training_macs), training, row[4], row[3], row[2], row[6], kind(one.energy_of)]


def _cells(row: Row) -> List[str]:
    return ["paper, Table %d" % row.table, row.data, MODELS[row.model],
            "%+.1f %%" % row.training_macs_change_percent, "%+.1f %%" % row.training_energy_change_percent,
            "%+.1f %%" % row.macs_change_percent, "%+.1f %%" % row.energy_change_percent, "-",
            "%+.2f points" % row.miou_points, LABEL]
