"""What is decided of a run before its first step, and stays so over pauses."""
from typing import Dict, Sequence, Tuple

from dance_edge.complexity.policy import SlimPlan, annealed_share, expected_weight
from dance_edge.data.sampler import count_steps
from dance_edge.errors import DataError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.manifest import Manifest
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.importance import refuse_frozen
from dance_edge.pruning.trial import find_prunable
from dance_edge.training import memory
from dance_edge.training.config import DEFAULT_EPOCHS, AdaptConfig
from dance_edge.training.job import LoopPlan
from dance_edge.training.measured import dense_like
from dance_edge.training.order import in_halves
from dance_edge.training.trainee import Trainee

PAPER_BATCH = {"deeplabv3plus": 8, "pspnet": 8, "icnet": 16, "bisenet": 16}
PAPER_RATE = {"icnet": 1e-2}


def loop_plan(config: AdaptConfig, manifest: Manifest, slimmed_and_whole: Sequence[Sequence[SlimPlan]],
              trainee: Trainee, on_event: OnEvent) -> LoopPlan:
    """The plan of a run that is not capped: its length, micro-batches and what there is to prune, all said."""
    plans = slimmed_and_whole[0]
    paper = PAPER_BATCH.get(manifest.model, 16)
    batch_size = config.batch_size or max(2, min(paper, len(plans) // 4))
    steps, how = config.steps, "--steps"
    if not steps:
        epochs = config.epochs or DEFAULT_EPOCHS
        steps = count_steps(plans, config.seed, batch_size, epochs, config.anneal)
        how = "%d epochs of %d images offered%s" % (epochs, len(plans), "" if config.epochs else ", the default")
    if steps < 1:
        raise DataError("%s keep no image" % how,
                        "train for longer (--epochs), or drop less (--keep-floor 0.25, --no-drop)")
    seen = slimmed_and_whole if in_halves(config) else (plans,)
    largest = max((plan.size for part in seen for plan in part), key=lambda size: size.pixels)
    budget = memory.activation_budget(config.memory_budget, trainee.network, trainee.device)
    per_pixel = memory.bytes_per_pixel(trainee.network, manifest.stride)
    micro = memory.micro_batch(batch_size, largest, per_pixel, budget)
    if config.memory_budget and per_pixel * largest.pixels > budget:
        on_event(Warned("one image of %s takes about %.1f GB in training, more than --memory-budget %s leaves" % (
            largest.wxh, per_pixel * largest.pixels / 1e9, config.memory_budget)))
    order = ", %s" % config.order if in_halves(config) else ""
    on_event(Note("length: %d optimizer steps of %d images (%s)%s%s" % (
        steps, batch_size, how, order, "" if micro == batch_size else ", in micro-batches of %d for memory" % micro)))
    widths, gone = _widths(config, trainee, manifest, on_event)
    undropped = config.anneal if config.steps else annealed_share(plans, config.anneal)
    return LoopPlan(steps, batch_size, micro, config.learning_rate or PAPER_RATE.get(manifest.model, 1e-3),
                    expected_weight(plans, undropped), manifest.stride, widths, gone, by_steps=bool(config.steps))


def _widths(config: AdaptConfig, trainee: Trainee, manifest: Manifest, on_event: OnEvent) -> Tuple[Dict[str, int], int]:
    """What there is to prune: weights by layer, or channels by group, where those are known to prune aright.

    Channels are counted as the dense network has them; the second number is how many of those are gone already.
    """
    if trainee.masks is not None:
        return trainee.masks.kept(), 0
    if not config.prunes():
        return {}, 0
    stride = manifest.stride
    prunable = find_prunable(trainee.network, stride, config.scope)
    if prunable.left_dense:
        on_event(Warned("left dense: " + prunable.left_dense))
    if config.criterion == "taylor":
        refuse_frozen(ChannelGraph(trainee.network, stride, config.scope, prunable.widths).groups())
    if not manifest.channels:
        return prunable.widths, 0
    dense = {group.name: group.width for group in ChannelGraph(dense_like(manifest), stride, config.scope).groups()}
    original = {name: dense.get(name, width) for name, width in prunable.widths.items()}
    total, left = sum(original.values()), sum(prunable.widths.values())
    if left < total:
        on_event(Note("%d of %d channels in scope are gone already: --pruning-ratio counts them" % (
            total - left, total)))
    return original, total - left
