"""The cache of scans: never in the data set, never a wrong figure, never in the way."""
import json
import os

import pytest

from dance_edge.data.label_codes import LabelCode
from dance_edge.data.layouts import open_dataset
from dance_edge.data.scan import scan
from dance_edge.data.scan_cache import Measured, ScanCache, cache_folder
from dance_edge.size import Size

FIGURES = Measured(0.25, Size(24, 32), 0.5, {0: 700, 255: 68})


@pytest.fixture
def stored(camvid, tmp_path, monkeypatch):
    """A data set of two pairs, its cache with figures for both, and a function that opens the cache again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    dataset = open_dataset(str(camvid({"train": ["1", "2"]})))
    cache = ScanCache(dataset, Size(24, 32), "sobel")
    assert cache.known(dataset.records()) == {}
    cache.store(dataset.records(), {record.image: FIGURES for record in dataset.records()})
    return dataset, cache.path, lambda: ScanCache(dataset, Size(24, 32), "sobel").known(dataset.records())


def test_figures_come_back_exactly(stored, tmp_path):
    dataset, path, again = stored
    assert path.startswith(str(tmp_path / "cache" / "dance-edge" / "scan")) and os.listdir(os.path.dirname(path)) == [
        os.path.basename(path)]
    assert again() == {record.image: FIGURES for record in dataset.records()}


def test_other_settings_are_another_file(stored):
    dataset, path, _ = stored
    others = {ScanCache(dataset, Size(12, 16), "sobel").path, ScanCache(dataset, Size(24, 32), "weber").path,
              ScanCache(dataset._replace(code=LabelCode(bytes(256))), Size(24, 32), "sobel").path}
    assert len(others | {path}) == 4


@pytest.mark.parametrize("which", ["image", "label"])
def test_a_changed_file_is_not_known(stored, which):
    dataset, _, again = stored
    record = dataset.records()[0]
    os.utime(getattr(record, which), ns=(1, 1))
    assert list(again()) == [dataset.records()[1].image]
    with open(getattr(dataset.records()[1], which), "ab") as file:
        file.write(b"x")
    assert again() == {}


def test_only_files_that_are_new_are_unknown(stored, camvid):
    dataset, path, _ = stored
    grown = open_dataset(str(camvid({"train": ["0"], "val": ["1"]})))
    assert sorted(record.name for record in grown.records()) == ["train/0.jpg", "train/1.jpg", "train/2.jpg",
                                                                 "val/1.jpg"]
    cache = ScanCache(grown, Size(24, 32), "sobel")
    assert cache.path == path and sorted(cache.known(grown.records())) == sorted(
        record.image for record in dataset.records())


def test_the_same_size_and_time_under_another_path_is_another_file(stored):
    dataset, _, again = stored
    first, second = dataset.records()
    for one in (first, second):
        with open(one.image, "wb") as file:
            file.write(b"same size")
        os.utime(one.image, ns=(5, 5))
        os.utime(one.label, ns=(5, 5))
    cache = ScanCache(dataset, Size(24, 32), "sobel")
    cache.known([first])
    cache.store([first], {first.image: FIGURES})
    assert list(again()) == [first.image]
    moved = dataset._replace(splits={"train": (first._replace(label=second.label),)})
    assert ScanCache(moved, Size(24, 32), "sobel").known(moved.records()) == {}


def test_a_label_that_comes_or_goes_is_a_change(stored):
    dataset, _, _ = stored
    bare = dataset._replace(splits={"train": tuple(one._replace(label=None) for one in dataset.records())})
    cache = ScanCache(bare, Size(24, 32), "sobel")
    assert cache.known(bare.records()) == {}


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{\"entries\": 3}", "{\"entries\": {\"train/1.jpg\": [1, 2]}}",
                                     "{\"entries\": {\"train/1.jpg\": [null, null, [1], 2, 3]}}"])
def test_a_damaged_cache_is_ignored(stored, content):
    dataset, path, again = stored
    with open(path, "w") as file:
        file.write(content)
    assert again() == {}
    assert len(scan(dataset).measured) == 2
    with open(path) as file:
        assert sorted(json.load(file)["entries"]) == ["train/1.jpg", "train/2.jpg"]


def test_a_cache_that_cannot_be_written_is_no_error(camvid, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(scan(open_dataset(str(camvid({"train": ["1"]})))).measured) == 1


def test_where_it_is(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_folder() == "/home/someone/.cache/dance-edge"


def test_nothing_is_left_in_the_data_set(camvid, tmp_path, monkeypatch):
    root = camvid({"train": ["1"]})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "elsewhere"))
    before = sorted(os.path.join(where, name) for where, _, files in os.walk(str(root)) for name in files)
    scan(open_dataset(str(root)))
    assert before == sorted(os.path.join(where, name) for where, _, files in os.walk(str(root)) for name in files)
