"""A GPU is opened once a thread, and given back by its last user."""
import numpy as np
import pytest
from tensorrt_double import install

from dance_edge.runtime.tensorrt_cuda import open_device


def test_two_users_of_a_thread_share_one_context(monkeypatch):
    gpu = install(monkeypatch)
    one, other = open_device(), open_device()
    assert one is other
    one.close()
    assert other.free_bytes() > 0 and "detach" not in gpu.log
    other.close()
    assert gpu.log == ["detach"] and not any(gpu.current.values())
    again = open_device()
    assert again is not one
    again.close()


@pytest.mark.parametrize("integrated", [True, False])
def test_a_buffer_is_one_piece_of_memory_on_a_jetson_and_two_elsewhere(monkeypatch, integrated):
    gpu = install(monkeypatch, integrated=integrated)
    device = open_device()
    free = device.free_bytes()
    buffer = device.buffer((1, 3, 4, 5), np.float32)
    assert free - device.free_bytes() == buffer.nbytes == 240
    assert (buffer.address == buffer.host.ctypes.data) == integrated
    buffer.host[:] = 7.0
    buffer.upload()
    device.stream.synchronize()
    assert np.all(np.frombuffer(gpu.view(buffer.address, 240), np.float32) == 7.0)
    buffer.host[:] = 0.0
    buffer.download()
    assert integrated or np.all(buffer.host == 0.0)  # on its way, not there yet
    device.stream.synchronize()
    assert np.all(buffer.host == (0.0 if integrated else 7.0))
    buffer.free()
    assert device.free_bytes() == free
    device.close()
