"""Class sets and the tables between them."""
import numpy as np
import pytest

from dance_edge.data.labels import (
    CAMVID11,
    IDD7,
    KNOWN_CLASS_SETS,
    VOID,
    ClassSet,
    relabel,
    unmapped,
    unreached,
)
from dance_edge.errors import DataError

COLOURS = ((1, 1, 1), (2, 2, 2), (3, 3, 3))


def test_the_known_sets_have_a_colour_of_its_own_for_each_class():
    assert [len(one.names) for one in KNOWN_CLASS_SETS] == [11, 19, 7]
    for one in KNOWN_CLASS_SETS:
        assert len(set(one.names)) == len(one.names) == len(set(one.palette)) == len(one.palette)
    assert CAMVID11.index("car") == 8


def test_equal_names_in_another_order_are_matched_by_name():
    ours, theirs = ClassSet(("a", "b", "c"), COLOURS), ClassSet(("c", "a", "b"), COLOURS)
    found = relabel(ours, theirs)
    assert list(found.lookup[:3]) == [1, 2, 0] and found.lookup.dtype == np.uint8 and found.classes == theirs
    assert (found.lookup[3:] == VOID).all()


def test_the_same_classes_stay_as_they_are():
    assert list(relabel(IDD7, IDD7).lookup[:7]) == list(range(7))
    assert relabel(IDD7, None).classes == IDD7


@pytest.mark.parametrize("model", [ClassSet(("a", "b", "d"), COLOURS), ClassSet(("a", "b"), COLOURS[:2])])
def test_other_classes_are_refused_without_a_map(model):
    with pytest.raises(DataError) as caught:
        relabel(ClassSet(("a", "b", "c"), COLOURS), model)
    assert "3 classes (a, b, c)" in caught.value.message and "--label-map" in caught.value.hint


def test_a_map_goes_by_name_and_what_it_leaves_out_is_void():
    ours = ClassSet(("a", "b", "c"), COLOURS)
    found = relabel(ours, ClassSet(("x", "y"), COLOURS[:2]), {"c": "x", "a": "y", "b": None})
    assert list(found.lookup[:3]) == [1, VOID, 0]
    assert unmapped(ours, found.lookup) == ("b",) and unreached(found.classes, found.lookup) == ()
    assert list(relabel(CAMVID11, IDD7, {"sky": "sky"}).lookup[:3]) == [6, VOID, VOID]


@pytest.mark.parametrize("mapping, unknown, known", [
    ({"hovercraft": "sky"}, "hovercraft", "bicyclist"), ({"sky": "heaven"}, "heaven", "drivable")])
def test_unknown_names_are_named_with_the_known_ones(mapping, unknown, known):
    with pytest.raises(DataError) as caught:
        relabel(CAMVID11, IDD7, mapping)
    assert unknown in caught.value.message and known in caught.value.hint


def test_from_scratch_a_maps_right_side_is_the_models_classes_in_order():
    found = relabel(CAMVID11, None, {"car": "thing", "road": "ground", "pedestrian": "thing", "sky": None})
    assert found.classes == ClassSet(("thing", "ground"), ((64, 0, 128), (128, 64, 128)))
    assert found.lookup[CAMVID11.index("pedestrian")] == 0 and found.lookup[CAMVID11.index("sky")] == VOID
    known = relabel(CAMVID11, None, {"road": "drivable", "sky": "sky"}).classes
    assert known == ClassSet(("drivable", "sky"), ((128, 64, 128), (70, 130, 180)))  # IDD's own colours


def test_a_map_that_leaves_no_class_is_refused():
    with pytest.raises(DataError, match="leaves no class"):
        relabel(CAMVID11, IDD7, {"sky": None})
