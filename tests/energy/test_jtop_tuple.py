"""Power as jetson-stats before 4.2 gave it: the total beside its rails, without a name."""
import pytest

from dance_edge.energy.jtop import decode


def power(total_mw, **rails_mw):
    rails = {name: {"cur": value, "avg": value} for name, value in rails_mw.items()}
    return {"cur": total_mw, "avg": total_mw}, rails


@pytest.mark.parametrize("rails_mw, name", [
    (dict(VDD_SYS_GPU=1000, VDD_SYS_CPU=900, VDD_SYS_SOC=700), "VDD_IN"),  # TX2
    (dict(POM_5V_GPU=1000, POM_5V_CPU=900), "POM_5V_IN"),                  # Nano
    (dict(VDD_CPU_GPU_CV=1500, VDD_SOC=1400), "VDD_IN"),                   # Xavier NX
    (dict(rail_a=1000, rail_b=900), "total"),
])
def test_a_total_that_is_not_the_sum_of_the_rails_is_a_rail_of_its_own(rails_mw, name):
    rails_w, total = decode(power(5000, **rails_mw))
    assert total == name and rails_w == dict({one: value / 1000.0 for one, value in rails_mw.items()}, **{name: 5.0})


@pytest.mark.parametrize("off_mw", [0, 2, -2])
def test_a_total_that_is_their_sum_is_none(off_mw):
    rails_w, total = decode(power(3000 + off_mw, GPU=1000, CPU=900, SOC=600, SYS5V=500))
    assert total is None and set(rails_w) == {"GPU", "CPU", "SOC", "SYS5V"}


def test_a_total_that_is_among_the_rails_is_taken_from_there():
    assert decode(power(8000, VDD_IN=5000, VDD_SYS_GPU=3000)) == ({"VDD_IN": 5.0, "VDD_SYS_GPU": 3.0}, "VDD_IN")


def test_a_total_alone_is_one():
    assert decode(power(5000)) == ({"total": 5.0}, "total")


def test_the_sum_without_a_name_of_later_versions_is_not_taken():
    later = {"rail": {"GPU": {"power": 1000}, "CPU": {"power": 900}}, "tot": {"power": 2500}}
    assert decode(later) == ({"GPU": 1.0, "CPU": 0.9}, None)
