"""Label maps from files, by name, and by themselves."""
import itertools
import json

import pytest

from dance_edge.data.label_maps import SETS, checked_label_map, join, read_label_map, shipped
from dance_edge.data.labels import CAMVID11, CITYSCAPES19, IDD7, KNOWN_CLASS_SETS, VOID, ClassSet
from dance_edge.errors import DataError


def _written(name):
    """What a shipped map does, by the names of its two sets: {left: right or None}."""
    left, right = (SETS[one] for one in name.split("-to-"))
    table = join(left, right, name).relabel.lookup
    return {one: right.names[table[i]] if table[i] != VOID else None for i, one in enumerate(left.names)}


def test_every_pair_that_makes_sense_has_a_map():
    pairs = {"%s-to-%s" % pair for pair in itertools.permutations(SETS, 2)}
    assert pairs - set(shipped()) == {"idd7-to-camvid11", "idd7-to-cityscapes19", "idd7-to-bdd100k19"}
    assert set(shipped()) <= pairs and {one.names for one in SETS.values()} == {one.names for one in KNOWN_CLASS_SETS}


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_map_names_every_class_of_the_sets_in_its_name(name):
    left, right = (SETS[one] for one in name.split("-to-"))
    mapping = read_label_map(name)
    assert sorted(mapping) == sorted(left.names) and _written(name) == mapping
    void = ["bicyclist", "sign"] if name in ("camvid11-to-cityscapes19", "camvid11-to-bdd100k19") else []
    assert sorted(one for one in mapping if mapping[one] is None) == void
    if right in (CAMVID11, IDD7):  # coarser: nothing of the model stays without pixels, and it can be made of the map
        assert set(mapping.values()) == set(right.names) and join(left, None, name).relabel.classes == right


def test_camvid_to_idd_is_the_written_one():
    assert _written("camvid11-to-idd7") == {
        "road": "drivable", "pavement": "non-drivable", "pedestrian": "living thing", "sky": "sky",
        "bicyclist": "living thing", "car": "vehicle", "pole": "roadside object", "sign": "roadside object",
        "fence": "roadside object", "building": "far object", "tree": "far object"}


def test_cityscapes_to_camvid_groups_as_camvids_own_32_classes_are_grouped():
    groups = {"building": {"building", "wall"}, "car": {"car", "truck", "bus", "train"},
              "tree": {"vegetation", "terrain"}, "sign": {"traffic sign", "traffic light"},
              "bicyclist": {"rider", "bicycle", "motorcycle"}}
    written = _written("bdd100k19-to-camvid11")
    for right, lefts in groups.items():
        assert {left for left, to in written.items() if to == right} == lefts
    assert written == _written("cityscapes19-to-camvid11") and written["sidewalk"] == "pavement"


def test_two_names_of_one_set_are_joined_as_they_are():
    assert list(join(CITYSCAPES19, CITYSCAPES19, "bdd100k19-to-cityscapes19").relabel.lookup[:19]) == list(range(19))


def test_a_pair_takes_its_map_by_itself_whatever_the_order():
    assert join(CAMVID11, IDD7).label_map == "camvid11-to-idd7"
    mixed = ClassSet(CITYSCAPES19.names[::-1], CITYSCAPES19.palette[::-1])
    found = join(mixed, CAMVID11)
    assert found.label_map == "cityscapes19-to-camvid11" and found.relabel.classes == CAMVID11
    assert found.relabel.lookup[mixed.index("bus")] == CAMVID11.index("car")


def test_equal_names_and_new_models_take_none():
    mixed = ClassSet(CAMVID11.names[::-1], CAMVID11.palette[::-1])
    for model in (CAMVID11, None):
        found = join(mixed, model)
        assert found.label_map == "" and found.relabel.classes == (model or mixed)
    assert join(mixed, CAMVID11).relabel.lookup[0] == 10


def test_what_is_not_exactly_a_pair_is_refused():
    eleven = ClassSet(CAMVID11.names[:-1] + ("cyclist",), CAMVID11.palette)  # as many classes, one of another name
    for dataset, model in ((eleven, CAMVID11), (eleven, IDD7), (CAMVID11, eleven)):
        with pytest.raises(DataError) as caught:
            join(dataset, model)
        assert "--label-map" in caught.value.hint and "11 classes" in caught.value.message


@pytest.mark.parametrize("ask", [lambda: join(IDD7, CAMVID11), lambda: join(IDD7, CITYSCAPES19),
                                 lambda: read_label_map("idd7-to-bdd100k19")])
def test_coarse_classes_into_finer_ones_are_refused_with_the_reason(ask):
    with pytest.raises(DataError) as caught:
        ask()
    assert "idd7" in caught.value.message and "a car, a bus or a motorcycle" in caught.value.hint


def test_a_file_is_read_in_its_order(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"tree": "green", "sky": None, "road": "gray"}), encoding="utf-8")
    assert list(read_label_map(str(path)).items()) == [("tree", "green"), ("sky", None), ("road", "gray")]
    found = join(CAMVID11, None, str(path))
    assert found.relabel.classes.names == ("green", "gray") and found.label_map == str(path)


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
