"""What was pruned, by layer and by kind of layer: the paper's Fig. 4 as rows of a table and as a figure."""
from typing import Any, Dict, List, NamedTuple, Sequence

from dance_edge.pruning.layers import MULTI_SCALE, OTHER, LayerRow, by_kind
from dance_edge.report.figures import new_figure

_COLOURS = {MULTI_SCALE: "#d95f0e", OTHER: "#1f5fa8"}
_GONE = "#dddddd"
_ROW_INCH = 0.2


class Pruned(NamedTuple):
    """The layers in scope, and their sums by kind: each a row that bears its kind's name."""

    kinds: List[LayerRow]
    layers: List[LayerRow]


def pruned_of(facts: Dict[str, Any]) -> Pruned:
    """What `adapt --json` says of its layers; empty for a run that an older version began."""
    layers = [LayerRow(one["layer"], one["kind"], one["original"], one["kept"]) for one in facts.get("layers", ())]
    return Pruned([one._replace(layer=one.kind) for one in by_kind(layers)], layers)


def draw_pruned(path: str, pruned: Pruned) -> None:
    """A bar a layer, its share kept in its kind's colour, with the kinds' sums on top; a PNG at `path`.

    `ConfigError` without matplotlib.
    """
    rows: Sequence[LayerRow] = pruned.kinds + pruned.layers
    figure = new_figure(7.2, 1.2 + _ROW_INCH * len(rows))
    axes = figure.add_subplot(1, 1, 1)
    places = [-float(i) for i in range(len(rows))]
    axes.barh(places, [100.0] * len(rows), color=_GONE, height=0.7, label="pruned")
    for kind in (MULTI_SCALE, OTHER):
        chosen = [(place, row) for place, row in zip(places, rows) if row.kind == kind]
        if chosen:
            axes.barh([place for place, _ in chosen], [100.0 * (1.0 - row.pruned_share) for _, row in chosen],
                      color=_COLOURS[kind], height=0.7, label=kind)
    axes.set_yticks(places)
    axes.set_yticklabels(["%s  %d of %d" % (row.layer, row.kept, row.original) for row in rows], fontsize=7)
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xlabel("kept, %")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, fontsize=8, edgecolor="none")
    figure.tight_layout()
    figure.savefig(path)
