"""Being told to stop, once and again, by real signals."""
import signal
import threading
import time

import pytest

from dance_edge.interrupt import StopRequest


def send(number):
    signal.pthread_kill(threading.main_thread().ident, number)  # not to whatever thread the system finds idle
    time.sleep(0.01)


def test_a_first_signal_is_a_wish_and_the_same_again_an_order():
    with StopRequest() as stop:
        assert stop.exit_code == 0
        send(signal.SIGINT)
        assert stop.exit_code == 130
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)


def test_sigterm_behind_ctrl_c_is_the_same_wish():
    """As torchrun passes a Ctrl-C on to processes that have heard it themselves."""
    with StopRequest() as stop:
        send(signal.SIGINT)
        send(signal.SIGTERM)
        assert stop.exit_code == 130


def test_what_heard_signals_before_hears_them_again():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        send(signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
