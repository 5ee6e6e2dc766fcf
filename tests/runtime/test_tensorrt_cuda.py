"""A GPU is opened once a thread, and given back by its last user."""
import numpy as np
import pytest
from tensorrt_double import install

from dance_edge.errors import DeviceError
from dance_edge.runtime import tensorrt_cuda
from dance_edge.runtime.tensorrt_cuda import NoRoom, open_device

READ_AVAILABLE = tensorrt_cuda.available_bytes  # before a double stands in for it


@pytest.fixture
def device_of(monkeypatch):
    """Opens a double with these facts; the device and its `Gpu`."""
    devices = []

    def open_double(**facts):
        gpu = install(monkeypatch, **facts)
        devices.append(open_device())
        return devices[0], gpu

    yield open_double
    for one in devices:
        one.close()


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


@pytest.mark.parametrize("integrated", [True, False])
def test_files_that_linux_keeps_are_free_memory_where_it_is_shared(device_of, integrated):
    device, gpu = device_of(integrated=integrated, free_bytes=300)
    gpu.reclaimable_bytes = 5000
    assert device.free_bytes() == (5300 if integrated else 300)
    if integrated:
        assert device.buffer((1, 1000), np.float32).nbytes == 4000 and device.free_bytes() == 1300
    else:
        with pytest.raises(NoRoom):
            device.buffer((1, 1000), np.float32)


def test_where_linux_counts_less_cuda_is_believed(device_of, monkeypatch):
    device, gpu = device_of(free_bytes=300)
    monkeypatch.setattr(tensorrt_cuda, "available_bytes", lambda: 200)
    assert device.free_bytes() == 300


@pytest.mark.parametrize("text, wanted", [
    ("MemTotal:        8046236 kB\nMemFree:          100 kB\nMemAvailable:    3000000 kB\n", 3072000000),
    ("MemTotal:        8046236 kB\n", 0), ("MemAvailable: many kB\n", 0)])
def test_what_linux_could_give(tmp_path, monkeypatch, text, wanted):
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(tensorrt_cuda, "MEMINFO", str(tmp_path / "meminfo"))
    assert READ_AVAILABLE() == wanted
    monkeypatch.setattr(tensorrt_cuda, "MEMINFO", str(tmp_path / "none"))
    assert READ_AVAILABLE() == 0


def test_linux_says_here_what_it_could_give():
    assert READ_AVAILABLE() > 1 << 20


@pytest.mark.parametrize("integrated", [True, False])
def test_no_room_for_a_buffer_leaves_nothing_behind(device_of, integrated):
    device, gpu = device_of(integrated=integrated, free_bytes=300)
    with pytest.raises(NoRoom, match="no room for a buffer of .*, 0 MB are free") as caught:
        device.buffer((1, 100), np.float32)
    assert caught.value.exit_code == 6 and not gpu.pieces and gpu.free_bytes == 300


def test_a_gpu_that_failed_says_so_once_and_is_given_back(device_of):
    device, gpu = device_of(integrated=False)
    buffer = device.buffer((4,), np.float32)
    gpu.broken = True
    with pytest.raises(DeviceError, match="the GPU failed: an illegal memory access") as caught:
        device.wait()
    assert "onnxruntime" in caught.value.hint
    buffer.free()


@pytest.mark.parametrize("error, kind, words", [("MemoryError", NoRoom, "no room to begin with"),
                                                ("LogicError", DeviceError, "CUDA finds no GPU")])
def test_a_device_that_is_half_open_is_left_again(monkeypatch, error, kind, words):
    gpu = install(monkeypatch)

    def stream():
        import pycuda.driver as driver

        raise getattr(driver, error)("cuStreamCreate failed")

    monkeypatch.setattr("pycuda.driver.Stream", stream)
    with pytest.raises(DeviceError, match=words) as caught:
        open_device()
    assert type(caught.value) is kind and gpu.log == ["detach"] and not any(gpu.current.values())
