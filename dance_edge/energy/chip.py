"""What an INA3221 on a TX2's module can know, by TI's data sheet and by the shunts of NVIDIA's device tree (p3310)."""
from typing import Optional

AVERAGING_S = 0.42       # 64 averages of 2.2 ms over three channels, as the kernel sets it: a new value no sooner
SHUNTS_OHM = {"VDD_IN": 0.005, "VDD_SYS_CPU": 0.01, "VDD_SYS_DDR": 0.01, "VDD_SYS_GPU": 0.01, "VDD_SYS_SOC": 0.01,
              "VDD_4V0_WIFI": 0.01}
STEP_V = 40e-6           # of the shunt's voltage
OFFSET_V = 80e-6         # at most, either way; constant for a board
GAIN_ERROR = 0.0025      # at most, of the reading


def step_w(rail: str, volts: Optional[float]) -> float:
    """Watts between two neighbouring readings of `rail` at `volts`; 0 where its shunt is not known."""
    shunt_ohm = SHUNTS_OHM.get(rail)
    return 0.0 if shunt_ohm is None or not volts else volts * STEP_V / shunt_ohm


def error_w(rail: str, watts: float, volts: Optional[float]) -> Optional[float]:
    """The largest error of a mean of `watts` on `rail` at `volts`: offset, half a step, gain. None: not known."""
    shunt_ohm = SHUNTS_OHM.get(rail)
    if shunt_ohm is None or not volts:
        return None
    return volts * (OFFSET_V + STEP_V / 2.0) / shunt_ohm + GAIN_ERROR * abs(watts)
