"""Eq. 2 with its constant normaliser."""
import pytest
import torch

from dance_edge.complexity.ladder import build_ladder
from dance_edge.complexity.policy import SlimPolicy, expected_weight
from dance_edge.data.labels import VOID
from dance_edge.size import Size
from dance_edge.training.loss import adaptive_loss, image_losses


def logits_and_labels(size=(8, 12), images=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(images, 3, *size, generator=generator, requires_grad=True),
            torch.randint(0, 3, (images,) + size, generator=generator))


def test_an_image_s_loss_is_the_mean_over_its_pixels():
    logits, labels = logits_and_labels()
    logits = logits.detach()
    each = [float(torch.nn.functional.cross_entropy(logits[i:i + 1], labels[i:i + 1])) for i in range(2)]
    assert image_losses(logits, labels).tolist() == pytest.approx(each, rel=1e-6)


def test_void_pixels_move_nothing_bit_for_bit():
    logits, labels = logits_and_labels()
    labels[:, :3] = VOID
    before = image_losses(logits, labels)
    with torch.no_grad():
        logits[:, :, :3] = 99 * torch.randn(2, 3, 3, 12)
    assert torch.equal(image_losses(logits, labels), before)


def test_an_image_that_is_all_void_weighs_nothing():
    logits, labels = logits_and_labels()
    labels[1] = VOID
    losses = image_losses(logits, labels)
    assert losses[1].item() == 0 and torch.isfinite(losses).all()
    adaptive_loss([logits], labels, torch.tensor([1.0, 1.0]), 2.0).backward()
    assert torch.isfinite(logits.grad).all() and float(logits.grad[1].abs().sum()) == 0


@pytest.mark.parametrize("sizes", [((8, 12), (8, 12)), ((16, 24), (4, 6))])
def test_at_equal_loss_p_1_and_p_a_quarter_pull_four_to_one_on_whatever_rung(sizes):
    # one weight for all: logits are w and 0 everywhere, so each image's loss and gradient are the same
    pulls = []
    for size, weight in zip(sizes, (1.0, 0.25)):
        w = torch.zeros(1, requires_grad=True)
        logits = torch.stack([w.expand(1, *size), torch.zeros(1, *size)], dim=1)
        labels = torch.zeros((1,) + size, dtype=torch.long)
        adaptive_loss([logits], labels, torch.tensor([weight]), 1 * 0.6).backward()  # batches of one size each
        pulls.append(float(w.grad))
    assert pulls[0] / pulls[1] == pytest.approx(4.0)


@pytest.mark.parametrize("policy, times", [
    (SlimPolicy(), 4.0), (SlimPolicy(weight_range=(1.0, 2.0)), 2.0 / 1.25), (SlimPolicy(weigh=False), 1.0),
    (SlimPolicy(keep_floor=0.25), 4.0)])
def test_p_1_and_a_quarter_pull_on_a_network_s_weights_as_the_policy_weighs_them(policy, times):
    ladder = build_ladder(Size(64, 96), 16)
    plans = [policy.plan(p, ladder) for p in (1.0, 0.25)]
    assert plans[0].size != plans[1].size
    normaliser = 2 * expected_weight(plans)  # two images a step, a constant of the run
    network = torch.nn.Conv2d(3, 2, 1)
    pulls = []
    for plan in plans:  # one gray at any size: the same loss, on rungs of their own
        network.zero_grad()
        logits = network(torch.full((2, 3) + plan.size, 0.5))
        labels = torch.zeros((2,) + plan.size, dtype=torch.long)
        adaptive_loss([logits], labels, torch.full((2,), plan.loss_weight), normaliser).backward()
        pulls.append(network.weight.grad.clone())
    assert float(pulls[0].abs().min()) > 0 and torch.allclose(pulls[0], times * pulls[1], rtol=1e-4)


def test_micro_batches_add_up_to_the_whole_step():
    logits, labels = logits_and_labels(images=4)
    weights = torch.tensor([0.1, 0.9, 0.5, 0.3])
    whole = adaptive_loss([logits], labels, weights, 4 * 0.5)
    parts = [adaptive_loss([logits[i:i + 1]], labels[i:i + 1], weights[i:i + 1], 4 * 0.5) for i in range(4)]
    assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-6)


@pytest.mark.parametrize("auxiliary_weights, total", [((), 3.0), ((0.4,), 2.4), ((0.4, 0.16), 1.56)])
def test_every_output_counts_by_its_weight_at_the_labels_size(auxiliary_weights, total):
    logits, labels = logits_and_labels()
    one = adaptive_loss([logits], labels, torch.ones(2), 2.0)
    three = adaptive_loss([logits] * 3, labels, torch.ones(2), 2.0, auxiliary_weights)
    assert float(three) == pytest.approx(total * float(one), rel=1e-6)
    small = torch.nn.functional.avg_pool2d(logits, 4)
    assert torch.isfinite(adaptive_loss([logits, small], labels, torch.ones(2), 2.0))


def test_class_weights_make_the_weighted_mean_of_each_image():
    logits, labels = logits_and_labels()
    labels[0, :2] = 255
    by_class = torch.rand(logits.shape[1]) + 0.1
    wanted = [torch.nn.functional.cross_entropy(logits[i:i + 1], labels[i:i + 1], by_class, ignore_index=255)
              for i in range(2)]
    got = image_losses(logits, labels, by_class.tolist())
    assert got.tolist() == pytest.approx([float(one) for one in wanted], rel=1e-5)
    labels[:] = 255
    assert image_losses(logits, labels, by_class.tolist()).tolist() == [0, 0]


def test_weights_that_are_all_zero_give_no_nan():
    logits, labels = logits_and_labels()
    assert float(adaptive_loss([logits], labels, torch.zeros(2), 0.0)) == 0
