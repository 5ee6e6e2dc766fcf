"""The seam to torch's mixed precision, of both generations."""
import pytest
import torch

from dance_edge.errors import ConfigError
from dance_edge.training.precision import Precision

CPU = torch.device("cpu")


def test_without_it_a_step_is_plain_float32():
    layer = torch.nn.Linear(2, 1)
    other = torch.nn.Linear(2, 1)
    other.load_state_dict(layer.state_dict())
    plain, ours = (torch.optim.SGD(one.parameters(), lr=0.1) for one in (other, layer))
    precision = Precision(False, CPU)
    inputs = torch.ones(3, 2)
    with precision.computing():
        loss = layer(inputs).sum()
    assert loss.dtype == torch.float32
    precision.backward(loss)
    precision.unscale(ours)
    precision.step(ours)
    other(inputs).sum().backward()
    plain.step()
    assert torch.equal(layer.weight, other.weight) and precision.state() == {}
    precision.load({})


def test_mixed_precision_is_refused_on_the_cpu():
    with pytest.raises(ConfigError, match="--amp"):
        Precision(True, CPU)


def test_the_names_that_it_stands_on_are_there():
    newer = getattr(torch, "amp", None)
    home = newer if hasattr(newer, "GradScaler") else torch.cuda.amp
    for name in ("scale", "unscale_", "step", "update", "state_dict", "load_state_dict"):
        assert callable(getattr(home.GradScaler, name))
    assert callable(home.autocast)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="mixed precision is CUDA's")
def test_mixed_precision_keeps_small_gradients_and_leaves_out_steps_that_overflow():
    device = torch.device("cuda")
    precision, layer = Precision(True, device), torch.nn.Linear(8, 8).to(device)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    with precision.computing():
        outputs = layer(torch.ones(2, 8, device=device))
    assert outputs.dtype == torch.float16
    precision.backward(1e-6 * outputs.float().sum())
    precision.unscale(optimizer)
    assert float(layer.weight.grad.abs().min()) == pytest.approx(2e-6, rel=1e-2)
    precision.step(optimizer)
    before, scale = layer.weight.detach().clone(), precision.state()["scale"]
    optimizer.zero_grad()
    precision.backward(float("inf") * layer(torch.ones(2, 8, device=device)).sum())
    precision.unscale(optimizer)
    precision.step(optimizer)
    assert torch.equal(layer.weight, before) and precision.state()["scale"] == scale / 2
