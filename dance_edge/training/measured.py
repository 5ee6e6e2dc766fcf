"""What a manifest says of its network in figures."""
import torch
from torch import nn

from dance_edge.manifest import Manifest, Rung
from dance_edge.models import catalog
from dance_edge.pruning.flops import count_macs, count_params
from dance_edge.pruning.surgery import changed_channels


def measured_manifest(manifest: Manifest, network: nn.Module) -> Manifest:
    """`manifest` with the rungs' MACs, the parameters and the widths of `network` as it is now."""
    ladder = manifest.ladder_for(manifest.image_size)
    rungs = tuple(Rung(size, ratio, count_macs(network, size)) for size, ratio in zip(ladder.rungs, ladder.ratios))
    return manifest._replace(rungs=rungs, params=count_params(network),
                             channels=changed_channels(network, dense_like(manifest)))


def dense_like(manifest: Manifest) -> nn.Module:
    """The network that `manifest`'s was pruned from, with new weights; the run's random numbers stay as they are."""
    with torch.random.fork_rng(devices=[]):
        return catalog.build(manifest.model, len(manifest.classes.names), manifest.backbone, manifest.output_stride)
