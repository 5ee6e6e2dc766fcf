import pytest
import torch
from torch import nn

from dance_edge.models.catalog import build
from dance_edge.size import Size
from dance_edge.training.recalibrate import batchnorms, pooled_batchnorms, recalibrate


def test_statistics_become_the_mean_over_the_images_whatever_the_batches_order():
    network = nn.Sequential(nn.BatchNorm2d(1))
    network[0].momentum = 0.1
    few, many = torch.full((2, 1, 2, 2), 1.0), torch.full((6, 1, 8, 8), 3.0)
    for order in ([few, many], [many, few]):
        assert recalibrate(network, order) == 8
        assert float(network[0].running_mean) == pytest.approx(2.5) and network[0].momentum == 0.1  # by images


def test_what_training_saw_keeps_its_half():
    network = nn.Sequential(nn.BatchNorm2d(1))
    network[0].running_mean.fill_(1.0)
    network[0].running_var.fill_(4.0)
    network[0].num_batches_tracked.fill_(50)
    recalibrate(network, [torch.full((2, 1, 2, 2), 3.0)])
    assert float(network[0].running_mean) == pytest.approx(2.0) and float(network[0].running_var) == pytest.approx(2.0)
    assert int(network[0].num_batches_tracked) == 50


@pytest.mark.parametrize("batches, mean", [(12, 3.0), (43, 3.0), (44, 2.0)])  # 0.9^43 is 1.08 %, 0.9^44 is 0.97 %
def test_statistics_that_still_hold_their_beginning_are_not_kept(batches, mean):
    network = nn.Sequential(nn.BatchNorm2d(1))
    network[0].running_mean.fill_(1.0)
    network[0].num_batches_tracked.fill_(batches)
    recalibrate(network, [torch.full((2, 1, 2, 2), 3.0)])
    assert float(network[0].running_mean) == pytest.approx(mean)


def test_a_layer_without_statistics_is_left_alone():
    network = nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False))
    assert recalibrate(network, [torch.full((2, 1, 2, 2), 3.0)]) == 2 and network[0].running_mean is None


def test_weights_and_modes_stay_as_they_were():
    network = build("bisenet", 3).train()
    network.arm16.eval()
    modes = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.named_parameters()}
    recalibrate(network, [torch.rand(2, 3, 64, 64)])
    assert all(torch.equal(before[name], value) for name, value in network.named_parameters())
    assert [layer.training for layer in batchnorms(network)] == [
        mode for module, mode in zip(network.modules(), modes) if isinstance(module, nn.BatchNorm2d)]


def test_the_batchnorms_of_pooled_features_are_found():
    network = build("bisenet", 3)
    found = pooled_batchnorms(network, Size(64, 96))
    assert set(found) == {network.arm16.bn, network.arm32.bn, network.average[1]}


def test_a_batch_of_one_trains_with_those_held_still():
    network = build("bisenet", 3).train()
    image = torch.rand(1, 3, 64, 64)
    with pytest.raises(ValueError):
        network(image)
    for layer in pooled_batchnorms(network, Size(64, 64)):
        layer.eval()
    assert torch.isfinite(network(image)[0]).all()
