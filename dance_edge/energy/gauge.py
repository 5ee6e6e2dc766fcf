"""Files of one number in thousandths (mW, mA, mV), as a kernel's drivers lay them, that are read again and again."""
import os

MAX_BYTES = 32
CLOSED = -1


class Gauge:
    """One file. It stays open, and gives its value anew from its beginning, in a fraction of what opening it takes."""

    __slots__ = ("path", "_number")

    def __init__(self, path: str) -> None:
        self.path = path
        self._number = CLOSED

    def value(self) -> float:
        """In whole units; OSError or ValueError where there is none now.

        A file of a driver that was bound anew fails for ever: it is opened once more.
        """
        try:
            return float(os.pread(self._number, MAX_BYTES, 0)) / 1000.0
        except OSError:
            self.close()  # what is opened now says what is wrong, if anything is
        self._number = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        return float(os.pread(self._number, MAX_BYTES, 0)) / 1000.0

    def leave_replaced(self) -> None:
        """Close a file in whose place another was put: it has no link any more, and its value stays."""
        if self._number != CLOSED and not os.fstat(self._number).st_nlink:
            self.close()

    def close(self) -> None:
        """Another `value` opens it again."""
        number, self._number = self._number, CLOSED
        if number != CLOSED:
            os.close(number)


class ProductGauge(Gauge):
    """The product of two files: watts where a driver has but amperes and volts."""

    __slots__ = ("_other",)

    def __init__(self, path: str, other_path: str) -> None:
        super().__init__(path)
        self._other = Gauge(other_path)

    def value(self) -> float:
        """As `Gauge.value`."""
        return super().value() * self._other.value()

    def leave_replaced(self) -> None:
        """As `Gauge.leave_replaced`."""
        super().leave_replaced()
        self._other.leave_replaced()

    def close(self) -> None:
        """As `Gauge.close`."""
        super().close()
        self._other.close()
