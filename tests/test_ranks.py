"""A process alone; several are tests/training/test_process_group.py's."""
import pytest

from dance_edge.errors import DataError
from dance_edge.ranks import ALONE


def test_alone_a_process_does_all_and_hears_itself():
    assert (ALONE.rank, ALONE.count, ALONE.first) == (0, 1, True)
    assert ALONE.told(3) == 3 and ALONE.gather("a") == ["a"] and ALONE.lead(lambda: 4) == 4
    assert ALONE.share("abc") == "abc" and ALONE.map(ord, "ab") == [97, 98]


def test_alone_an_error_is_the_one_that_was_raised():
    error = DataError("gone", "mend it")

    def fail():
        raise error

    for way in (ALONE.attempt, ALONE.lead, lambda call: ALONE.map(lambda _item: call(), [1])):
        with pytest.raises(DataError) as caught:
            way(fail)
        assert caught.value is error
