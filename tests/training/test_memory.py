import pytest
import torch

from dance_edge.errors import ConfigError
from dance_edge.models.catalog import build
from dance_edge.size import Size
from dance_edge.training.memory import (
    activation_budget,
    bytes_per_pixel,
    free_bytes,
    held_bytes,
    micro_batch,
    parse_bytes,
)


def test_bisenet_takes_about_1_4_kilobytes_a_pixel():
    assert bytes_per_pixel(build("bisenet", 19), 32) == pytest.approx(1400, rel=0.25)  # measured: 3 GB at 1024x2048


@pytest.mark.parametrize("text, value", [
    ("6GB", 6e9), ("500 MB", 5e8), ("1.5g", 1.5e9), ("2GiB", 2e9), ("4096", 4096.0)])
def test_sizes(text, value):
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["much", "-1GB", "0", "1.2.3GB", ""])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ConfigError):
        parse_bytes(text)


def test_images_at_once_fit_the_budget():
    assert micro_batch(16, Size(1024, 2048), 1400.0, 6.1e9) == 2
    assert micro_batch(4, Size(64, 64), 1400.0, 6e9) == 4
    assert micro_batch(16, Size(1024, 2048), 1400.0, 1e6) == 1  # one image is the least


def test_free_memory_is_a_number():
    assert free_bytes(torch.device("cpu")) > 1e7


def test_a_budget_is_for_the_whole_process():
    cpu, network = torch.device("cpu"), torch.nn.Conv2d(100, 1000, 10)  # 10 001 000 numbers
    held = held_bytes(cpu)
    assert 5e7 < held < 1e11
    left = activation_budget("200GB", network, cpu)
    assert abs(200e9 - left - held - 2 * 40.004e6) < 5e7  # gradients and momentum are yet to come
    assert activation_budget("", network, cpu) == pytest.approx(0.5 * free_bytes(cpu), rel=0.2)
    with pytest.raises(ConfigError, match="taken before the first image"):
        activation_budget("1MB", network, cpu)
