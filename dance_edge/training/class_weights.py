"""How much the pixels of each class count in the loss, so that what is rare is learned too."""
from typing import Any, Dict, List, Tuple

import numpy as np

from dance_edge.data.images import read_label
from dance_edge.data.labels import VOID
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent, Progress
from dance_edge.run import read_json
from dance_edge.training.target import Target

MEDIAN_FREQUENCY = "median-frequency"


def class_weights(asked: str, target: Target, on_event: OnEvent) -> Tuple[float, ...]:
    """A weight for each of the target's classes, () where none was asked for.

    `asked` is `median-frequency` or the path of a JSON object {"class": weight}; a class that it does not name weighs
    1. `ConfigError` where it names one that there is not, or gives it no weight.
    """
    if not asked:
        return ()
    names = target.classes.names
    weights = _median_frequency(target, len(names), on_event) if asked == MEDIAN_FREQUENCY else \
        _given(read_json(asked), names, asked)
    on_event(Note("class weights: " + ", ".join("%s %.3g" % pair for pair in zip(names, weights))))
    return tuple(weights)


def _median_frequency(target: Target, count: int, on_event: OnEvent) -> List[float]:
    """median(f) / f, f the share of a class in the pixels of the images that show it (Eigen and Fergus 2015).

    A class that no image shows weighs 1: no pixel will ask for it.
    """
    own, around = np.zeros(count), np.zeros(count)
    for done, record in enumerate(target.train):
        label = read_label(str(record.label), target.code)
        pixels = np.bincount(label[label != VOID].ravel(), minlength=count)[:count].astype(np.float64)
        own += pixels
        around += (pixels > 0) * pixels.sum()
        on_event(Progress("count classes", done + 1, len(target.train)))
    seen = own > 0
    frequency = own[seen] / around[seen]
    weights = np.ones(count)
    weights[seen] = np.median(frequency) / frequency
    return [float(weight) for weight in weights]


def _given(facts: Dict[str, Any], names: Tuple[str, ...], path: str) -> List[float]:
    unknown = sorted(set(facts) - set(names))
    if unknown:
        raise ConfigError("%s names classes that the model does not have: %s" % (path, ", ".join(unknown)),
                          "its classes are: " + ", ".join(names))
    for name, weight in facts.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < float("inf"):
            raise ConfigError("%s gives %s the weight %r" % (path, name, weight), "give a number, 0 or more")
    if not any(facts.get(name, 1.0) for name in names):
        raise ConfigError("%s gives every class the weight 0" % path, "give those that count a weight above 0")
    return [float(facts.get(name, 1.0)) for name in names]
