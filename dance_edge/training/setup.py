"""Everything that is decided before the first step: data, sizes, network, length."""
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple, Union

import torch

from dance_edge.complexity.ladder import fixed_size
from dance_edge.complexity.policy import SlimPlan
from dance_edge.complexity.profile import ComplexityProfile, fit_profile, profile_from_dict
from dance_edge.data.groups import items_of
from dance_edge.data.sampler import Batch, EpochTally
from dance_edge.data.scan import ScanResult, refuse_unfit, scan
from dance_edge.data.starvation import starvation_warnings
from dance_edge.data.transforms import IMAGENET
from dance_edge.errors import DataError
from dance_edge.events import OnEvent, Warned
from dance_edge.manifest import Manifest
from dance_edge.ranks import ALONE, Ranks
from dance_edge.size import Size
from dance_edge.training.class_weights import class_weights
from dance_edge.training.config import AdaptConfig
from dance_edge.training.job import LoopPlan
from dance_edge.training.measured import measured_manifest
from dance_edge.training.order import Phase, in_order, stream_of
from dance_edge.training.plan import loop_plan
from dance_edge.training.source import Start, known_classes, open_source, start
from dance_edge.training.target import Target, open_target
from dance_edge.training.trainee import Trainee


class Setup(NamedTuple):
    """A run that is ready to begin. `plans`, `whole_plans` (nothing slimmed) and `full_pixels` go by `target.train`;
    `new_head` says whether the source's classifiers began anew; `origin` is the data that the source learned from."""

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
    origin: Optional[Target] = None
    ranks: Ranks = ALONE

    def phases(self) -> Tuple[Phase, ...]:
        """The run's parts by what is slimmed in them: one, unless data and network are slimmed one after the other."""
        return in_order(self.config, self.plan.steps, self.plans, self.whole_plans, self.plan.mean_weight)

    def stream(self) -> Iterator[Union[Batch, EpochTally]]:
        """The run's optimizer steps, from the first, and the tally of each epoch behind its last."""
        return stream_of(self.config, self.plan.batch_size, self.phases(), self.plan.by_steps)

    def batches(self) -> Iterator[Batch]:
        """The run's optimizer steps alone."""
        return (one for one in self.stream() if isinstance(one, Batch))


def prepare(config: AdaptConfig, state: Dict[str, Any], on_event: OnEvent, ranks: Ranks = ALONE) -> Setup:
    """Check everything that can be wrong and decide the run, on all `ranks` alike; nothing is written.

    `state` is run.json of a run that goes on, whose profile and plan stay as they are; {} for a new one.
    """
    checkpoint = open_source(config.source) if config.source else None
    known = known_classes(checkpoint, config.label_map, config.reset_head)
    target = open_target(config.target, config.layout, config.label_map, known, on_event)
    torch.manual_seed(config.seed)
    begun = start(config, checkpoint, target.classes, on_event)
    scanned = scan(target.dataset, indicator=config.indicator, on_event=on_event, ranks=ranks)
    target = _whole_pairs(target, scanned, config, on_event)
    profile = profile_from_dict(state["manifest"]["profile"]) if state else None
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
    if state:
        plan = LoopPlan(**dict({"by_steps": bool(config.steps)}, **state["plan"]))
    else:
        plan = ranks.told(loop_plan(config, manifest, (plans, whole_plans), trainee, on_event))
        plan = plan._replace(class_weights=class_weights(config.class_weights, target, on_event))
        if trainee.device.type == "cpu":  # where ranks share the machine's memory, all of them take what one may
            plan = plan._replace(micro_batch=max(1, plan.micro_batch // ranks.count))
    if config.slim:
        for line in starvation_warnings(items_of(target.train, scanned), profile, manifest.policy, config.anneal):
            on_event(Warned(line))
    broken = tuple((fault.path, fault.reason) for fault in scanned.faults)
    origin = open_target(config.source_data, "", "", target.classes, on_event) if config.source_data else None
    return Setup(config, target, plans, whole_plans, full, trainee, manifest, plan, broken, begun.new_head, origin,
                 ranks)


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
