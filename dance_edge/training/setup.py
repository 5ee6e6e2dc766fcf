"""Everything that is decided before the first step: data, sizes, network, length."""
from typing import Dict, Iterator, NamedTuple, Optional, Sequence, Tuple, Union

import torch
from torch import nn

from dance_edge.complexity.ladder import fixed_size
from dance_edge.complexity.policy import SlimPlan, annealed_share, expected_weight
from dance_edge.complexity.profile import ComplexityProfile, fit_profile
from dance_edge.data.groups import items_of
from dance_edge.data.sampler import Batch, EpochTally, count_steps
from dance_edge.data.scan import ScanResult, refuse_unfit, scan
from dance_edge.data.starvation import starvation_warnings
from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import DataError
from dance_edge.events import Note, OnEvent, Warned
from dance_edge.manifest import Manifest, Rung
from dance_edge.models import catalog
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.pruning.groups import ChannelGraph
from dance_edge.pruning.importance import refuse_frozen
from dance_edge.pruning.surgery import changed_channels
from dance_edge.pruning.trial import find_prunable
from dance_edge.size import Size
from dance_edge.training import memory
from dance_edge.training.config import DEFAULT_EPOCHS, AdaptConfig
from dance_edge.training.loop import LoopPlan
from dance_edge.training.order import Phase, in_halves, in_order, stream_of
from dance_edge.training.source import Start, known_classes, open_source, start
from dance_edge.training.target import Target, open_target
from dance_edge.training.trainee import Trainee

PAPER_BATCH = {"deeplabv3plus": 8, "pspnet": 8, "icnet": 16, "bisenet": 16}
PAPER_RATE = {"icnet": 1e-2}


class Setup(NamedTuple):
    """A run that is ready to begin. `plans`, `whole_plans` (nothing slimmed) and `full_pixels` go by `target.train`;
    `new_head` says whether the source's classifiers began anew."""

    config: AdaptConfig
    target: Target
    plans: Tuple[SlimPlan, ...]
    whole_plans: Tuple[SlimPlan, ...]
    full_pixels: Tuple[int, ...]
    trainee: Trainee
    manifest: Manifest
    plan: LoopPlan
    broken: Tuple[Tuple[str, str], ...]
    new_head: bool = False

    def phases(self) -> Tuple[Phase, ...]:
        """The run's parts by what is slimmed in them: one, unless data and network are slimmed one after the other."""
        return in_order(self.config, self.plan.steps, self.plans, self.whole_plans, self.plan.mean_weight)

    def stream(self) -> Iterator[Union[Batch, EpochTally]]:
        """The run's optimizer steps, from the first, and the tally of each epoch behind its last."""
        return stream_of(self.config, self.plan.batch_size, self.phases())

    def batches(self) -> Iterator[Batch]:
        """The run's optimizer steps alone."""
        return (one for one in self.stream() if isinstance(one, Batch))


def prepare(config: AdaptConfig, profile: Optional[ComplexityProfile], on_event: OnEvent) -> Setup:
    """Check everything that can be wrong and decide the run; nothing is written. `profile`: that of a resumed run."""
    checkpoint = open_source(config.source) if config.source else None
    known = known_classes(checkpoint, config.label_map, config.reset_head)
    target = open_target(config.target, config.layout, config.label_map, known, on_event)
    torch.manual_seed(config.seed)
    begun = start(config, checkpoint, target.classes, on_event)
    scanned = scan(target.dataset, indicator=config.indicator, on_event=on_event)
    target = _whole_pairs(target, scanned, config, on_event)
    if profile is None:
        profile = fit_profile(scanned.complexities(target.train), scanned.measured_size, target.dataset.name,
                              config.indicator)
    trainee = Trainee(begun.network, config, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    found = [scanned.of(record) for record in target.train]
    sizes = [one.size for one in found]
    manifest = _manifest(config, begun, target, profile, max(set(sizes), key=sizes.count))
    manifest = measured_manifest(manifest, trainee.network)
    ladders = {size: manifest.ladder_for(size) for size in set(sizes)}
    plans, whole_plans = (
        tuple(policy.plan(profile.p(one.complexity), ladders[one.size]) for one in found)
        for policy in (manifest.policy, config._replace(slim=False).policy()))
    full = tuple(fixed_size(size, 1.0, begun.stride).pixels for size in sizes)
    plan = _loop_plan(config, manifest, (plans, whole_plans), trainee, on_event)
    if config.slim:
        for line in starvation_warnings(items_of(target.train, scanned), profile, manifest.policy, config.anneal):
            on_event(Warned(line))
    broken = tuple((fault.path, fault.reason) for fault in scanned.faults)
    return Setup(config, target, plans, whole_plans, full, trainee, manifest, plan, broken, begun.new_head)


def _whole_pairs(target: Target, scanned: ScanResult, config: AdaptConfig, on_event: OnEvent) -> Target:
    """`target` without what cannot be used; labels that do not fit their images are refused unless told otherwise."""
    refuse_unfit(scanned, config.skip_mismatched)
    for fault in scanned.faults:
        on_event(Warned("left out: %s: %s" % (fault.path, fault.reason)))
    train, val = scanned.whole(target.train), scanned.whole(target.val)
    if len(train) < 2 or not val:
        raise DataError("%s has %d whole pairs to learn from and %d to score on" % (
            target.dataset.root, len(train), len(val)),
            "at least 2 and 1 are needed; `dance-edge scan` lists the broken")
    return target._replace(train=train, val=val)


def _manifest(config: AdaptConfig, begun: Start, target: Target, profile: ComplexityProfile,
              image_size: Size) -> Manifest:
    """What is known before the network is measured: the source's facts with the target's profile and sizes."""
    model, backbone, output_stride = begun.architecture
    return Manifest(
        model=model, backbone=backbone, output_stride=output_stride, classes=target.classes,
        normalization=begun.earlier.normalization if begun.earlier is not None else IMAGENET, stride=begun.stride,
        profile=profile, policy=config.policy(), image_size=image_size, rungs=(), params=0, channels={},
        scope=config.scope, provenance={"target": target.dataset.name, "source": config.source or "from scratch"})


def measured_manifest(manifest: Manifest, network: nn.Module) -> Manifest:
    """`manifest` with the rungs' MACs, the parameters and the widths of `network` as it is now."""
    ladder = manifest.ladder_for(manifest.image_size)
    rungs = tuple(Rung(size, ratio, count_macs(network, size)) for size, ratio in zip(ladder.rungs, ladder.ratios))
    return manifest._replace(rungs=rungs, params=count_params(network),
                             channels=changed_channels(network, _dense(manifest)))


def _dense(manifest: Manifest) -> nn.Module:
    return catalog.build(manifest.model, len(manifest.classes.names), manifest.backbone, manifest.output_stride)


def _loop_plan(config: AdaptConfig, manifest: Manifest, slimmed_and_whole: Sequence[Sequence[SlimPlan]],
               trainee: Trainee, on_event: OnEvent) -> LoopPlan:
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
                    expected_weight(plans, undropped), manifest.stride, widths, gone)


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
    dense = {group.name: group.width for group in ChannelGraph(_dense(manifest), stride, config.scope).groups()}
    original = {name: dense.get(name, width) for name, width in prunable.widths.items()}
    total, left = sum(original.values()), sum(prunable.widths.values())
    if left < total:
        on_event(Note("%d of %d channels in scope are gone already: --pruning-ratio counts them" % (
            total - left, total)))
    return original, total - left
