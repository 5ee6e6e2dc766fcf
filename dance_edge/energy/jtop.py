"""Power from the jtop service (jetson-stats). The only place that imports `jtop`, and only when a sensor is opened."""
import queue
import threading
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from dance_edge.energy import chip
from dance_edge.energy.reading import PowerSample, PowerSensor
from dance_edge.errors import DeviceError

PATIENCE = 3.0  # periods without a new sample before the service counts as silent; its own client waits as long
TOTALS = ("VDD_IN", "POM_5V_IN", "VIN")  # names that the older tuple form's rails may have for the total
BOARDS = (("VDD_SYS_", "VDD_IN"), ("VDD_CPU_GPU_CV", "VDD_IN"), ("POM_5V_", "POM_5V_IN"))  # by its other rails' names
Connect = Callable[[float], Any]

HINTS = (
    ("not active", "start it: sudo systemctl start jtop (once: sudo jtop --install-service)"),
    ("can't access", "join its group: sudo usermod -aG jtop $USER, then log in again"),
    ("mismatch of python", "install jetson-stats for the Python that the service runs on"),
    ("mismatch", "bring service and library to one version: sudo pip install -U jetson-stats, then restart jtop"),
    ("authentication", "restart the service: sudo systemctl restart jtop"),
)


class JtopSensor(PowerSensor):
    """Samples of a jtop service. `interval_s` is the period in which it really answers, which need not be the one
    asked for: the first client sets it for all.

    `connect(interval_s)` gives a client that is not yet started; left out, it is jetson-stats' own.
    """

    name = "jtop"
    interval_s = 1.0  # the service's own default
    paced = True
    delay_s = chip.AVERAGING_S

    def __init__(self, interval_s: float = 1.0, connect: Optional[Connect] = None) -> None:
        self._connect = connect or _vendor_client
        self._wanted_s = interval_s
        self._client: Any = None
        self._stamp: Any = None
        self._stamped_s = 0.0
        self._ended_cpu_s = 0.0  # of clients that are gone
        self.interval_s = interval_s
        self.volts: Optional[float] = None
        self.scope = self.read().total or ""
        self.step_w = chip.step_w(self.scope, self.volts)

    def read(self) -> PowerSample:
        """The service's next sample; waits for it. A service that came back is connected to again."""
        client = self._client or self._open()
        try:
            if not client.ok():
                raise _silent(PATIENCE * self.interval_s)
            self._stamp_sample(getattr(client, "uptime", None))
            power = client.power
            rails_w, total = decode(power)
            self.volts = volts_of_total(power) or self.volts
        except Exception as reason:
            self.close()
            raise _as_device_error(reason)
        return PowerSample(self._stamped_s, rails_w, total)

    def error_w(self, watts: float) -> Optional[float]:
        """As `PowerSensor.error_w`, at the total rail's latest voltage."""
        return chip.error_w(self.scope, watts, self.volts)

    def close(self) -> None:
        """Leave the service."""
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close()
            except Exception:  # the service may be gone already; there is nothing left to close then
                return

    def _open(self) -> Any:
        """Connect; and once more at the service's own period where that is longer, as `ok()` would time out."""
        self._ended_cpu_s = self.cpu_s
        client = _started(self._connect, self._wanted_s, self._count_cpu)
        period_s = float(client.interval)
        if period_s > self._wanted_s:
            client.close()
            client = _started(self._connect, period_s, self._count_cpu)
        self._client, self.interval_s = client, period_s if period_s > 0 else self._wanted_s
        return client

    def _count_cpu(self, _client: Any) -> None:
        """Called by the client's own thread with each sample."""
        self.cpu_s = self._ended_cpu_s + time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)

    def _stamp_sample(self, stamp: Any) -> None:
        """`stamp` is the uptime that the service took with the sample. A service whose reader has died goes on
        handing out its last sample: that keeps its time stamp, so it counts as repeated, and at last as silence."""
        now_s = time.monotonic()
        if stamp is None or stamp != self._stamp:
            self._stamp, self._stamped_s = stamp, now_s
        elif now_s - self._stamped_s > PATIENCE * self.interval_s + 1.0:
            raise _silent(now_s - self._stamped_s)


def decode(power: Any) -> Tuple[Dict[str, float], Optional[str]]:
    """Watts by rail, the total among them, and the total's name; None where the board has no total rail.

    Takes `{"rail": {name: {"power": mW, ...}}, "tot": {"power": mW, "name": ...}}` (jetson-stats from 4.2 on) and
    `(total, {name: {"cur": mW, ...}})` (before). Without a rail for the total jtop adds the rails up and gives the
    sum no name: that sum counts some watts twice, and is not taken. The tuple has no name for a total in any case, and
    the rail is not among the others: it is the total where it is not their sum. `avg` is not used: it is no window's
    average.
    """
    if isinstance(power, Mapping):
        rails, total, key = dict(power.get("rail") or {}), dict(power.get("tot") or {}), "power"
    elif isinstance(power, (tuple, list)) and len(power) == 2:
        total, rails, key = dict(power[0] or {}), dict(power[1] or {}), "cur"
    else:
        raise DeviceError("jtop gave its power as %s" % type(power).__name__,
                          "dance-edge knows jetson-stats up to 7.x; take the INA3221's files: --power ina3221")
    rails_w = {str(name): float(facts[key]) / 1000.0 for name, facts in rails.items() if key in facts}
    name = total.get("name") or (next((one for one in TOTALS if one in rails_w), None))
    if not name and key == "cur" and key in total and not _is_sum(float(total[key]) / 1000.0, rails_w):
        name = next((rail for prefix, rail in BOARDS if any(one.startswith(prefix) for one in rails_w)), "total")
    if name and name not in rails_w and key in total:
        rails_w[str(name)] = float(total[key]) / 1000.0
    if not rails_w:
        raise DeviceError("jtop's service runs but reads no power rail", "see what it finds: jtop, page INFO")
    return rails_w, str(name) if name in rails_w else None


def _is_sum(total_w: float, rails_w: Mapping[str, float]) -> bool:
    """Whether a total is its rails added up, each of which was rounded to a milliwatt."""
    return bool(rails_w) and abs(total_w - sum(rails_w.values())) <= 0.001 * (len(rails_w) + 1)


def volts_of_total(power: Any) -> Optional[float]:
    """Volts of the total rail where jtop gives them (`{"tot": {"volt": mV}}`, jetson-stats from 4.2 on), else None."""
    total = power.get("tot") if isinstance(power, Mapping) else None
    volts = total.get("volt") if isinstance(total, Mapping) else None
    return float(volts) / 1000.0 if isinstance(volts, (int, float)) and volts > 0 else None


def _vendor_client(interval_s: float) -> Any:
    try:
        from jtop import jtop
    except ImportError:
        raise DeviceError("jetson-stats is not installed", "pip install 'dance-edge[jetson]'")
    return jtop(interval=interval_s)


def _started(connect: Connect, interval_s: float, on_sample: Callable[[Any], None]) -> Any:
    """A client that has its first sample; its thread calls `on_sample` with each. A service just woken by it may be
    later with the first than the client waits."""
    for tries_left in (2, 1, 0):
        client = connect(interval_s)
        client.attach(on_sample)
        try:
            _start(client)
            return client
        except Exception as reason:  # JtopException for most, but a broken socket raises whatever it likes
            if tries_left == 0 or not (isinstance(reason, queue.Empty) or "Error connection" in str(reason)):
                raise _as_device_error(reason)


def _start(client: Any) -> None:
    """Start it in a thread of its own: a thread keeps its connection to the service's address, and would go on writing
    into that of a service that is gone when another has taken its place."""
    failed: List[Exception] = []

    def start() -> None:
        try:
            client.start()
        except Exception as reason:
            failed.append(reason)

    thread = threading.Thread(target=start, name="jtop", daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _silent(seconds: float) -> DeviceError:
    return DeviceError("jtop's service gave no new sample for %.3g s" % seconds,
                       "look at it: sudo systemctl status jtop")


def _as_device_error(reason: Exception) -> DeviceError:
    if isinstance(reason, DeviceError):
        return reason
    text = " ".join(str(reason).split()) or type(reason).__name__
    for words, hint in HINTS:
        if words in text.lower():
            return DeviceError("jtop: " + text.split(" Please ")[0].rstrip("."), hint)
    return DeviceError("jtop: " + text, "look at the service: sudo systemctl status jtop")
