import pytest

from dance_edge.bench.sight import sight_of


class Sensor:
    def __init__(self, name):
        self.name = name


@pytest.mark.parametrize("name, seen, unseen", [("nvml", "cuda:0", "cpu"), ("rapl", "cpu", "Orin in fp16")])
@pytest.mark.parametrize("named", [False, True])
def test_a_part_of_the_machine_is_blind_to_the_rest(name, seen, unseen, named):
    blind_at = sight_of(Sensor(name), [seen, unseen], named)
    assert blind_at(seen) == "" and blind_at(unseen).startswith("%s sees the " % name)


def test_what_was_named_for_work_that_it_does_not_see_is_taken_at_its_word():
    assert sight_of(Sensor("nvml"), ["cpu", "cpu"], True)("cpu") == ""
    assert "and the work is on the CPU" in sight_of(Sensor("nvml"), ["cpu", "cpu"], False)("cpu")


@pytest.mark.parametrize("sensor", [None, Sensor("jtop"), Sensor("ina3221"), Sensor("replay")])
def test_the_others_see_all(sensor):
    blind_at = sight_of(sensor, ["cpu", "cuda"], False)
    assert blind_at("cpu") == blind_at("cuda") == ""
