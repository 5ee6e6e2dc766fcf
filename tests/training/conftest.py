"""What the runs in this folder share: an empty current folder, and networks that train in a second."""
import os

import pytest


@pytest.fixture
def small_networks(tmp_path, monkeypatch):
    """The name of a module of small networks that --model may name; the current folder is the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(os.path.dirname(os.path.abspath(__file__)))
    return "small_networks"
