"""Label maps from files and by name."""
import json

import pytest

from dance_edge.data.label_maps import checked_label_map, load_label_map, read_label_map, shipped
from dance_edge.data.labels import CAMVID11, CITYSCAPES19, IDD7, VOID
from dance_edge.errors import DataError

KNOWN = {"camvid11": CAMVID11, "idd7": IDD7, "cityscapes19": CITYSCAPES19}


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_map_names_every_class_of_the_sets_in_its_name(name):
    left, right = (KNOWN[one] for one in name.split("-to-"))
    mapping = read_label_map(name)
    assert sorted(mapping) == sorted(left.names)
    assert VOID not in load_label_map(name, left, right).lookup[:len(left.names)] or None in mapping.values()


def test_camvid_to_idd_is_the_written_one():
    table = load_label_map("camvid11-to-idd7", CAMVID11, IDD7).lookup
    to = {name: IDD7.names[table[i]] for i, name in enumerate(CAMVID11.names)}
    assert to == {"road": "drivable", "pavement": "non-drivable", "pedestrian": "living thing", "sky": "sky",
                  "bicyclist": "living thing", "car": "vehicle", "pole": "roadside object", "sign": "roadside object",
                  "fence": "roadside object", "building": "far object", "tree": "far object"}
    assert load_label_map("camvid11-to-idd7", CAMVID11, None).classes == IDD7


def test_a_file_is_read_in_its_order(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"tree": "green", "sky": None, "road": "gray"}), encoding="utf-8")
    assert list(read_label_map(str(path)).items()) == [("tree", "green"), ("sky", None), ("road", "gray")]
    assert load_label_map(str(path), CAMVID11, None).classes.names == ("green", "gray")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{\"sky\": 3}", "{\"sky\": \"a\", \"sky\": \"b\"}", "{"])
def test_what_is_no_map_is_refused(tmp_path, text):
    path = tmp_path / "map.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_label_map(str(path))
    assert "map.json" in caught.value.message and "null" in caught.value.hint


def test_a_missing_file_says_which_maps_there_are():
    with pytest.raises(DataError) as caught:
        read_label_map("nowhere.json")
    assert "camvid11-to-idd7" in caught.value.hint
    assert checked_label_map({"a": None}, "run.json") == {"a": None}
