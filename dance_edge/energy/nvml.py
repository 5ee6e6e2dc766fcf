"""Power of an NVIDIA GPU, by NVML. The only place that imports `pynvml`, and only when a sensor is opened."""
import os
import time
from typing import Any, Optional

from dance_edge.energy.counters import Counters
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.energy.trace import MAX_W
from dance_edge.errors import DeviceError

POWER_DELAY_S = 1.0    # from Ampere on power is the mean of a second, before it that of a moment
NO_POWER_HINT = "virtual GPUs and some small ones have no power sensor: --power estimate, or none"


class NvmlSensor(PowerSensor):
    """One GPU: the first of `CUDA_VISIBLE_DEVICES`, else number 0 of NVML's order.

    NVML counts by the bus, CUDA by speed unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` is set: on a machine with several kinds
    of GPU set that, or name one by its UUID. Where the driver counts energy a sample is the mean since the one before,
    else NVML's own power. The rest of the machine is not in it.
    """

    name = "nvml"

    def __init__(self) -> None:
        self._nvml: Any = None
        self._handle: Any = None
        self._counters = self._open()
        self.averages = self._counters is not None
        self.delay_s = self._counters.beat_s if self._counters else POWER_DELAY_S
        self.read()

    def read(self) -> PowerSample:
        """Watts of the GPU. A driver that came back is asked anew."""
        if self._nvml is None:
            self._counters = self._open()
        try:
            return self._sample()
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the driver."""
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            try:
                nvml.nvmlShutdown()
            except nvml.NVMLError:  # the driver may be gone; there is nothing left to close then
                return

    def _sample(self) -> PowerSample:
        if self._counters is not None:
            means = self._counters.means()
            return PowerSample(means.at_s, means.rails_w, self.rail, means.since_s)
        if self.averages:  # means and moments do not go together
            raise DeviceError("NVML counts the energy of %s no more" % self.rail, "load the driver anew")
        watts = self._ask("PowerUsage") / 1000.0
        if watts <= 0.0:
            raise DeviceError("NVML says that %s takes %g W" % (self.rail, watts), NO_POWER_HINT)
        return PowerSample(time.monotonic(), {self.rail: watts}, self.rail)

    def _open(self) -> Optional[Counters]:
        """The counter, None where the driver has none; `DeviceError` where it tells no power either."""
        nvml = _vendor_module()
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as reason:
            raise DeviceError("NVML: %s" % reason, "it comes with NVIDIA's driver: see whether nvidia-smi works")
        self._nvml = nvml
        try:
            self._handle = _visible(nvml)
            self.rail = "GPU %d" % self._ask("Index")
            self.scope = "%s %s, a part of the machine" % (self.rail, _text(self._ask("Name")))
            counters = self._counting()
            if counters is None:
                self._ask("PowerUsage")
            return counters
        except DeviceError:
            self.close()
            raise

    def _counting(self) -> Optional[Counters]:
        """None where the driver counts no energy, or a counter stands still."""
        try:
            return Counters(lambda: {self.rail: self._ask("TotalEnergyConsumption") / 1000.0}, {self.rail: None}, MAX_W)
        except DeviceError:
            return None

    def _ask(self, what: str) -> Any:
        """What NVML says of the GPU; a library older than the question does not support it either."""
        function = getattr(self._nvml, "nvmlDeviceGet" + what, None)
        rail = getattr(self, "rail", "the GPU")
        if function is None:
            raise DeviceError("NVML: %s of %s: not in this nvidia-ml-py" % (what, rail), "pip install -U nvidia-ml-py")
        try:
            return function(self._handle)
        except self._nvml.NVMLError as reason:
            raise DeviceError("NVML: %s of %s: %s" % (what, rail, reason), NO_POWER_HINT)


def _visible(nvml: Any) -> Any:
    """The handle of the GPU that CUDA would take first."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    first = "0" if named is None else named.split(",")[0].strip()
    if first in ("", "-1", "NoDevFiles"):
        raise DeviceError("CUDA_VISIBLE_DEVICES is %r, which hides every GPU" % named, "unset it to meter one")
    try:
        if first.isdigit():
            return nvml.nvmlDeviceGetHandleByIndex(int(first))
        return nvml.nvmlDeviceGetHandleByUUID(first.encode("ascii", "replace"))
    except nvml.NVMLError as reason:
        raise DeviceError("NVML: no GPU %s: %s" % (first, reason), "see which there are: nvidia-smi -L")


def _text(name: Any) -> str:
    return str(name, "ascii", "replace") if isinstance(name, bytes) else str(name)


def _vendor_module() -> Any:
    try:
        import pynvml
    except ImportError:
        raise DeviceError("nvidia-ml-py is not installed", "pip install 'dance-edge[nvidia]'")
    return pynvml
