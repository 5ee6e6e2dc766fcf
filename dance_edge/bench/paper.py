"""Our savings beside the paper's. Typed in from Tables 1, 2 and 3 of DANCE (Cityscapes and CamVid from scratch, BDD100K
by adaptation; on a Jetson TX2), whose "FLOPs" are MACs and whose joules were measured there."""
from typing import Any, Dict, List, NamedTuple

from dance_edge.bench.compare import against_rows, comparable
from dance_edge.bench.findings import Findings
from dance_edge.report.joules import kind
from dance_edge.report.numbers import change
from dance_edge.report.page import Section

COLUMNS = ("", "data", "model", "training MACs", "training energy", "MACs an image", "energy an image", "time an image",
           "mIoU", "what the energy is")
MODELS = {"deeplabv3plus": "DeepLabv3+", "pspnet": "PSPNet", "icnet": "ICNet", "bisenet": "BiSeNet"}
LABEL = "measured (paper, Jetson TX2)"
SOURCE = "DANCE, Tables 1 to 3"


class Row(NamedTuple):
    """A base model and what DANCE changes: `*_change` in percent, mIoU in points. MACs in P of a training run and in G
    of an image, joules in MJ and J."""

    table: int
    data: str
    model: str
    training_macs_p: float
    macs_g: float
    training_mj: float
    image_j: float
    miou: float
    training_macs_change: float
    macs_change: float
    training_energy_change: float
    energy_change: float
    miou_points: float


PAPER = tuple(Row(*one) for one in (
    (1, "Cityscapes", "deeplabv3plus", 198.31, 743.64, 45.21, 41.32, 68.05, -35.75, -53.67, -39.69, -45.02, 3.44),
    (1, "Cityscapes", "pspnet", 153.61, 582.54, 35.16, 30.99, 65.59, -39.28, -50.23, -34.92, -42.81, 1.93),
    (1, "Cityscapes", "icnet", 39.33, 45.20, 10.82, 6.51, 47.74, -49.77, -55.67, -45.27, -47.69, 13.34),
    (1, "Cityscapes", "bisenet", 73.64, 157.41, 18.40, 9.93, 71.69, -32.77, -39.29, -25.66, -31.27, -0.71),
    (2, "CamVid", "deeplabv3plus", 37.19, 254.62, 7.30, 20.19, 69.15, -32.76, -47.6, -31.76, -43.65, 1.51),
    (2, "CamVid", "pspnet", 27.27, 208.77, 4.71, 14.64, 65.28, -39.69, -46.47, -32.22, -41.22, 2.82),
    (2, "CamVid", "icnet", 6.01, 16.33, 1.78, 4.21, 53.29, -45.32, -52.64, -49.21, -56.21, 1.40),
    (2, "CamVid", "bisenet", 6.46, 54.17, 2.72, 6.77, 68.6, -38.09, -41.10, -32.45, -33.76, -0.27),
    (3, "BDD100K", "deeplabv3plus", 97.01, 339.46, 17.74, 27.67, 52.66, -79.31, -51.86, -77.15, -43.5, 0.12),
    (3, "BDD100K", "pspnet", 72.56, 290.57, 11.82, 19.37, 39.54, -37.47, -49.65, -25.18, -40.29, 5.51),
    (3, "BDD100K", "icnet", 58.27, 21.68, 15.73, 5.17, 39.53, -58.65, -51.51, -61.47, -37.47, 0.47),
    (3, "BDD100K", "bisenet", 45.32, 72.27, 7.48, 7.94, 56.20, -34.08, -44.47, -27.92, -38.46, 0.27),
))


def section(found: Findings) -> Section:
    """Ours on top, of each model against the first, and the paper's below, those of the same network first."""
    ours = own_rows(found)
    networks = {one.model for one in found.measured}
    ordered = sorted(PAPER, key=lambda row: (row.model not in networks, row.table))
    return Section("Beside the paper", (
        "Only ratios compare: our images, networks' sizes, lengths of training and machine are other ones than the "
        "paper's (%s). It gives no times. Of our training there is a ratio where the first model is a run too: "
        "--models PLAIN --models RUN." % SOURCE,), COLUMNS, ours + [_cells(row) for row in ordered])


def to_dict(found: Findings) -> Dict[str, Any]:
    """`paper` in `bench --json`: the table, whose joules (MJ of a run, J of an image) were measured."""
    return {"source": SOURCE, "energy_source": LABEL, "rows": [dict(row._asdict(), energy_source=LABEL)
                                                               for row in PAPER],
            "ours": [dict(zip(COLUMNS[1:], row[1:])) for row in own_rows(found)]}


def own_rows(found: Findings) -> List[List[str]]:
    """Cells under `COLUMNS`, a row for each model but the first."""
    rows = []
    first_cost = found.costs[0][1] if len(found.costs) == len(found.measured) else None
    for i, row in enumerate(against_rows(found.measured, found.against)):
        one = found.measured[i + 1]
        cost = found.costs[i + 1][1] if first_cost is not None else None
        macs, energy = "-", "-"
        if cost is not None and first_cost is not None:
            macs = change(first_cost.macs_p, cost.macs_p)
            if comparable(first_cost.energy, cost.energy):
                energy = "%s, %s%s" % (change(first_cost.energy.gross_j, cost.energy.gross_j), kind(cost.energy),
                                       ", interval not known" if cost.energy.measured else "")
        rows.append(["ours: %s against %s" % (row[0], row[1]), "as above", one.model or "-", macs, energy,
                     row[4], row[3], row[2], row[6], kind(one.energy)])
    return rows


def _cells(row: Row) -> List[str]:
    return ["paper, Table %d" % row.table, row.data, MODELS[row.model], "%+.1f %%" % row.training_macs_change,
            "%+.1f %%" % row.training_energy_change, "%+.1f %%" % row.macs_change, "%+.1f %%" % row.energy_change, "-",
            "%+.2f points" % row.miou_points, LABEL]
