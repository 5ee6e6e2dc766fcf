import sys

import pytest
import torch

from dance_edge.errors import CheckpointError, ConfigError
from dance_edge.models import catalog

FACTORY = """
open("imported", "w").close()
from torch import nn

def make(num_classes):
    return nn.Conv2d(3, num_classes, 1)

def number(num_classes):
    return num_classes
"""


@pytest.fixture()
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_factory.py").write_text(FACTORY)
    yield tmp_path
    sys.modules.pop("own_factory", None)


def test_a_factory_of_the_current_folder(own):
    path = list(sys.path)
    network = catalog.build("own_factory:make", 4)
    assert network(torch.zeros(1, 3, 2, 2)).shape == (1, 4, 2, 2) and catalog.stride_of(network) == 32
    assert sys.path == path


@pytest.mark.parametrize("spec", ["own_factory:other", "nowhere_at_all:make", "own_factory:number"])
def test_a_factory_that_is_none_is_refused(own, spec):
    with pytest.raises(ConfigError):
        catalog.build(spec, 4)


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        catalog.build("segnet", 4)
    assert "bisenet" in caught.value.hint


def test_code_is_imported_only_when_the_user_names_it(own):
    with pytest.raises(CheckpointError) as caught:
        catalog.check_named_by_user("own_factory:make", "")
    assert "--model own_factory:make" in caught.value.hint and not (own / "imported").exists()
    assert catalog.check_named_by_user("own_factory:make", "own_factory:make") == "own_factory:make"
    assert catalog.check_named_by_user("bisenet", "") == "bisenet"
