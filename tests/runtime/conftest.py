"""The doubles of TensorRT and CUDA stand beside the tests that use them."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture
def onnx_path(tmp_path, switch_manifest, write_switch):
    """An ONNX file of the gray switch that any size fits."""
    return write_switch(tmp_path / "model.onnx", switch_manifest())


@pytest.fixture
def plans_of():
    """Opens the plans of a file on the double that is installed; `said` of it collects the events."""
    from dance_edge.runtime.tensorrt_api import load_tensorrt
    from dance_edge.runtime.tensorrt_cuda import open_device
    from dance_edge.runtime.tensorrt_journal import open_journal
    from dance_edge.runtime.tensorrt_plans import Plans

    devices = []

    def open_plans(path, precision="auto"):
        devices.append(open_device())
        said = []
        trt = load_tensorrt()
        plans = Plans(trt, open_journal(trt), devices[-1], path, precision, said.append)
        plans.said = said
        return plans

    def close():
        while devices:
            devices.pop().close()

    open_plans.close = close
    yield open_plans
    close()
