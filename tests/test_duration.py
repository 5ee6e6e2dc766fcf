import pytest

from dance_edge.duration import in_words


@pytest.mark.parametrize("seconds, words", [
    (0, "0 s"), (75.4, "75 s"), (720, "12 min"), (7199, "120 min"), (9000, "2.5 h")])
def test_in_words(seconds, words):
    assert in_words(seconds) == words
