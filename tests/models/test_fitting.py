"""Names under a wrapper's prefix, and what does not fit."""
import torch

from dance_edge.models.fitting import class_tensors, fit


def state(*names):
    return {name: torch.zeros(2, 3) for name in names}


WANTED = state("backbone.conv.weight", "head.weight")


def test_a_prefix_goes_when_all_names_have_it():
    for prefix in ("", "module.", "model.", "net.", "net.backbone.", "module.model.", "_orig_mod."):
        given = {prefix + name: value for name, value in WANTED.items()}
        found = fit(given, WANTED)
        assert found.whole and found.loaded == 2 and set(found.state) == set(WANTED), prefix
    some = fit(state("module.backbone.conv.weight", "head.weight"), WANTED)
    assert (some.missing, some.unknown) == (("backbone.conv.weight",), ("module.backbone.conv.weight",))


def test_a_network_that_is_a_wrapper_itself_keeps_its_names():
    wrapper = state("model.a.weight", "model.b.weight")
    assert fit(dict(wrapper), wrapper).whole
    assert fit({"module." + name: value for name, value in wrapper.items()}, wrapper).whole


def test_what_does_not_fit_is_listed():
    found = fit({"backbone.conv.weight": torch.zeros(5, 3), "extra": torch.zeros(())}, WANTED)
    assert not found.whole and not found.but_for_shapes and found.loaded == 0
    assert found.faults() == ("1 of another shape: backbone.conv.weight is 5x3, not 2x3; 1 missing: head.weight; "
                              "1 unknown: extra")
    many = fit(state(*["x%d" % i for i in range(30)]), {})
    assert many.faults().startswith("30 unknown: x0, x1, ") and many.faults().endswith("x7 and 22 more")


def test_counts_of_batches_may_be_missing_statistics_may_not():
    wanted = dict(WANTED, **{"bn.num_batches_tracked": torch.tensor(0)})
    assert fit(WANTED, wanted).whole
    assert fit(WANTED, dict(wanted, **{"bn.running_mean": torch.zeros(1)})).missing == ("bn.running_mean",)


def test_class_tensors_are_those_that_one_more_class_changes():
    one, more = torch.nn.Linear(4, 3).state_dict(), torch.nn.Linear(4, 4).state_dict()
    assert class_tensors(one, more) == {"weight", "bias"}
    transposed = [torch.nn.ConvTranspose2d(4, count, 2).state_dict() for count in (3, 4)]
    assert class_tensors(*transposed) == {"weight", "bias"} and class_tensors(one, one) == set()
