"""What the pixels of a label file mean."""
import json

import numpy as np
import pytest

from dance_edge.data.cityscapes import LABEL_IDS
from dance_edge.data.label_codes import (
    UNKNOWN,
    LabelCode,
    code_from_dict,
    identity_code,
    ids_of_colours,
    table_code,
)
from dance_edge.data.labels import CITYSCAPES19, VOID, relabel


def test_identity_knows_its_classes_and_void_only():
    table = identity_code(3, [250]).lookup
    assert list(table[:4]) == [0, 1, 2, UNKNOWN] and table[250] == table[255] == VOID and table[254] == UNKNOWN


def test_a_table_is_as_written_and_unknown_beyond():
    code = table_code([4, VOID, 2], colours=[(1, 2, 3), (0, 0, 0), (9, 9, 9)])
    assert list(code.lookup[:4]) == [4, VOID, 2, UNKNOWN] and code.lookup[UNKNOWN] == UNKNOWN
    assert code.colours == ((1, 2, 3), (0, 0, 0), (9, 9, 9)) and len(code.lookup) == 256


def test_two_tables_become_one():
    table = LABEL_IDS.through(relabel(CITYSCAPES19, None, {"road": "ground", "car": "thing"}).lookup).lookup
    assert table[7] == 0 and table[26] == 1 and table[8] == table[0] == table[255] == VOID and table[40] == UNKNOWN
    coloured = table_code([1, 0], colours=[(1, 2, 3), (3, 2, 1)]).through(np.arange(256, dtype=np.uint8)[::-1])
    assert list(coloured.lookup[:3]) == [254, 255, UNKNOWN] and coloured.colours == ((1, 2, 3), (3, 2, 1))


@pytest.mark.parametrize("code", [identity_code(7), table_code([0, VOID], colours=[(1, 2, 3), (255, 0, 64)])])
def test_a_stored_code_comes_back(code):
    assert code_from_dict(json.loads(json.dumps(code.to_dict()))) == code


def test_a_code_from_before_there_were_colours():
    assert code_from_dict({"lookup": list(range(256))}) == LabelCode(bytes(range(256)))


def test_a_colour_is_its_place_in_the_table():
    colours = [(192, 0, 64), (0, 0, 0), (64, 0, 192), (255, 255, 255)]  # the first and third are each other's mirror
    picture = np.array([[(64, 0, 192), (192, 0, 64)], [(255, 255, 255), (0, 0, 0)], [(0, 0, 1), (255, 255, 254)]],
                       dtype=np.uint8)  # BGR
    ids = ids_of_colours(picture, colours)
    assert ids.dtype == np.uint8 and ids.tolist() == [[0, 2], [3, 1], [UNKNOWN, UNKNOWN]]
