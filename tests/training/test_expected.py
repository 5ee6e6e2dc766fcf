"""What a run will take, from what a trial took."""
import time

import pytest
import torch

from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.reading import EnergyReading, PowerSensor
from dance_edge.errors import DeviceError
from dance_edge.size import Size
from dance_edge.training import expected
from dance_edge.training.expected import Cost, Expected

TRIAL = EnergyReading(gross_j=40.0, low_j=38.0, high_j=43.0, sensor_j=2.0, duration_s=5.0, measured=True, source="jtop",
                      scope="VDD_IN", coverage=1.0, rails_j={"VDD_IN": 40.0})
COST = Cost(5e-9, 40e-9, "extrapolated from a calibration of 5 s, measured (jtop, VDD_IN), uncalibrated", TRIAL, 1e9)


def test_a_runs_joules_are_the_trials_with_its_bounds():
    energy = COST.energy(100e9)
    assert (energy.gross_j, energy.low_j, energy.high_j, energy.sensor_j) == pytest.approx((4e3, 3.8e3, 4.3e3, 200.0))
    assert energy.measured and energy.duration_s == pytest.approx(500.0) and energy.rails_j == {}
    assert energy.source == "jtop, extrapolated from a calibration of 5 s" and energy.net_j is None
    assert energy.coverage == pytest.approx(0.01)


def test_without_a_trial_they_are_a_tx2s():
    energy = Cost(5e-9, 2e-10, "estimated for a TX2").energy(1e15)
    assert energy.label == "estimated (TX2 model)" and energy.low_j < energy.gross_j < energy.high_j


def test_the_plan_says_what_its_joules_are():
    plan = Expected(6, 18, 36, 1000, 100e9, 500.0, 4e3, COST.source, COST.energy(100e9))
    assert plan.line().endswith("about 4 kJ (3.8 to 4.3), extrapolated from a calibration of 5 s, "
                                "measured (jtop, VDD_IN), uncalibrated")
    facts = plan.to_dict()
    assert facts["energy"]["gross_j"] == facts["energy_j"] == pytest.approx(4e3) and facts["macs_p"] == 1e-4
    assert facts["energy"]["label"] == "measured (jtop, extrapolated from a calibration of 5 s, VDD_IN)"


class Silent(PowerSensor):
    name, scope = "made", "VDD_IN"

    def read(self):
        raise DeviceError("there is nothing")


class Small:
    """All of a trainee that a calibration asks for."""

    network = torch.nn.Conv2d(3, 2, 3)
    device = torch.device("cpu")

    def training_macs_at(self, size):
        return 54.0 * size.pixels


def test_a_calibration_lasts_as_long_as_its_sensor_needs(monkeypatch):
    monkeypatch.setattr(expected, "METERED_S", 0.05)
    meter = EnergyMeter(Silent(), 0.02)
    monkeypatch.setattr(meter.sensor, "delay_s", 0.03)
    cost = expected.calibrate(Small(), Size(4, 4), meter)
    assert cost.source == "estimated for a TX2 (the sensor gave no sample)"
    steps = []
    monkeypatch.setattr(expected, "_trial_step", lambda network, inputs: steps.append(time.monotonic()))
    expected.calibrate(Small(), Size(4, 4), meter)
    assert steps[-1] - steps[1] > 0.19  # seven times what its values lie behind
    assert expected.calibrate(Small(), Size(4, 4), EnergyMeter(None)).source == "estimated for a TX2"
