"""What was pruned, by layer and by kind of layer: the paper's Fig. 4 as a table and as a figure."""
from typing import Any, Dict, List, NamedTuple, Sequence, Tuple

from dance_edge.report.figures import new_figure

AGGREGATION, OTHER = "multi-scale aggregation", "other layers"
_COLOURS = {AGGREGATION: "#d95f0e", OTHER: "#1f5fa8"}
_GONE = "#dddddd"
_ROW_INCH = 0.2


class Layer(NamedTuple):
    """Channels of one group of layers, or weights where single ones were pruned: how many there were and are."""

    name: str
    kind: str
    original: int
    kept: int

    @property
    def gone(self) -> float:
        """Share pruned, 0-1."""
        return 1.0 - self.kept / float(self.original) if self.original else 0.0


def layers_of(facts: Dict[str, Any]) -> List[Layer]:
    """The layers in scope as `adapt --json` has them; empty for a run that an older version began."""
    return [Layer(one["layer"], one["kind"], one["original"], one["kept"]) for one in facts.get("layers", ())]


def by_kind(layers: Sequence[Layer]) -> List[Layer]:
    """The sum over the layers of each kind, as one layer that bears the kind's name."""
    kinds = [kind for kind in (AGGREGATION, OTHER) if any(one.kind == kind for one in layers)]
    return [Layer(kind, kind, sum(one.original for one in layers if one.kind == kind),
                  sum(one.kept for one in layers if one.kind == kind)) for kind in kinds]


def draw_pruned(path: str, layers: Sequence[Layer]) -> None:
    """A bar a layer, its share kept in its kind's colour, with both kinds' sums on top; a PNG at `path`.

    `ConfigError` without matplotlib.
    """
    rows: List[Tuple[str, Layer]] = [(one.name, one) for one in by_kind(layers)] + [(one.name, one) for one in layers]
    figure = new_figure(7.2, 1.2 + _ROW_INCH * len(rows))
    axes = figure.add_subplot(1, 1, 1)
    places = [-float(i) for i in range(len(rows))]
    axes.barh(places, [100.0] * len(rows), color=_GONE, height=0.7, label="pruned")
    for kind in (AGGREGATION, OTHER):
        chosen = [(place, layer) for place, (_name, layer) in zip(places, rows) if layer.kind == kind]
        if chosen:
            axes.barh([place for place, _ in chosen], [100.0 * (1.0 - layer.gone) for _, layer in chosen],
                      color=_COLOURS[kind], height=0.7, label=kind)
    axes.set_yticks(places)
    axes.set_yticklabels(["%s  %d of %d" % (name, layer.kept, layer.original) for name, layer in rows], fontsize=7)
    axes.set_xlim(0.0, 100.0)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xlabel("kept, %")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, fontsize=8, edgecolor="none")
    figure.tight_layout()
    figure.savefig(path)
