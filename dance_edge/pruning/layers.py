"""What was pruned where: by layer, and by kind of layer, as the paper counts it (Fig. 4 and Table 7)."""
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

MULTI_SCALE = "multi-scale aggregation"
OTHER = "other"


class LayerRow(NamedTuple):
    """A layer with what it had at first and what it has now: channels, or weights where single ones were pruned.

    Channels that several layers share are counted once, at the layer that produces them.
    """

    layer: str
    kind: str
    original: int
    kept: int

    @property
    def pruned_share(self) -> float:
        """0 - 1, of what the layer had at first."""
        return 1.0 - self.kept / float(self.original) if self.original else 0.0


def layer_rows(original: Mapping[str, int], kept: Mapping[str, int], multi_scale: Sequence[str]) -> List[LayerRow]:
    """A row for every layer of `original`; one that `kept` does not name has all it had.

    `multi_scale` names the modules that a network's multi-scale aggregation consists of, its class attribute.
    """
    return [LayerRow(layer, kind_of(layer, multi_scale), count, kept.get(layer, count))
            for layer, count in original.items()]


def kind_of(layer: str, multi_scale: Sequence[str]) -> str:
    """Whether `layer` lies in one of the modules `multi_scale`."""
    inside = any(layer == module or layer.startswith(module + ".") for module in multi_scale)
    return MULTI_SCALE if inside else OTHER


def by_kind(rows: Iterable[LayerRow]) -> List[LayerRow]:
    """The rows added up, one for each kind that occurs: `layer` is empty there."""
    sums: Dict[str, Tuple[int, int]] = {}
    for row in rows:
        original, kept = sums.get(row.kind, (0, 0))
        sums[row.kind] = (original + row.original, kept + row.kept)
    return [LayerRow("", kind, original, kept) for kind, (original, kept) in sorted(sums.items())]


def rows_to_dicts(rows: Iterable[LayerRow]) -> List[Dict[str, Any]]:
    """`layers` in report.json."""
    return [dict(row._asdict(), pruned_share=row.pruned_share) for row in rows]
