"""Names for models that are compared, from their paths."""
import os
from typing import List, Optional, Sequence, Tuple

from dance_edge.errors import ConfigError

HINT = "give each once; PATH@0.75 takes all images at 0.75 per side"


def parted(text: str) -> Tuple[str, Optional[float]]:
    """`PATH@0.75` as path and ratio per side; the ratio is None where there is none, or a file of that whole name."""
    path, mark, ratio = text.rpartition("@")
    if not mark or os.path.exists(text):
        return text, None
    try:
        value = float(ratio)
    except ValueError:
        return text, None
    if not 0.1 <= value <= 1.0:
        raise ConfigError("%s: the ratio %s is not 0.1 to 1" % (text, ratio), HINT)
    return path, value


def unique_names(texts: Sequence[str]) -> List[str]:
    """The last part of each path, with as many before it as it takes to tell it from the others; `ConfigError` for two
    that are the same."""
    paths = [os.path.normpath(text) for text in texts]
    if len(set(paths)) < len(paths):
        twice = sorted(path for path in set(paths) if paths.count(path) > 1)
        raise ConfigError("given twice: %s" % ", ".join(twice), HINT)
    parts = [path.split(os.sep) for path in paths]
    names = []
    for own in parts:
        count = 1
        while count < len(own) and sum(1 for other in parts if other[-count:] == own[-count:]) > 1:
            count += 1
        names.append("/".join(own[-count:]))
    return names
