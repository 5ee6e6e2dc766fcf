import pytest

from dance_edge.bench.differing import differing

SECONDS = [0.100, 0.104]
FACTS = {"backend": "onnxruntime", "precision": None, "model": "bisenet", "weights_sha256": "0123456789abcdef",
         "params_m": 12.5, "sizes": {"64x96": 2, "128x192": 1}, "macs_g": 40.0,
         "calibration": {"slope": 1.1, "offset_w": 0.3, "residual_w": 0.1, "loads": 3}}


@pytest.fixture
def differs(bench_variant, bench_of):
    """What `differing` says of a variant with other facts than `then` had, which are `FACTS`."""
    def say(now, then=FACTS):
        before, after = (dict(bench_variant("adapted", SECONDS), **facts) for facts in (then, now))
        return differing(bench_of(before), bench_of(after), [(before, after)])

    return say


def test_nothing_differs_in_the_same(differs):
    assert differs(FACTS) == [] and differs(dict(FACTS, macs_g=40.0 * (1 + 1e-12))) == []


@pytest.mark.parametrize("changed, said", [
    ({"backend": "torch"}, "another backend than then: torch, it was onnxruntime"),
    ({"precision": "fp16"}, "another precision than then: fp16, it was unknown"),
    ({"model": "icnet"}, "another network than then: icnet, it was bisenet"),
    ({"weights_sha256": "fedcba9876543210"}, "other weights than then: fedcba987654, it was 0123456789ab"),
    ({"params_m": 8.0}, "other M parameters than then: 8, it was 12.5"),
    ({"sizes": {"64x96": 3}}, "other sizes than then: 64x96: 3, it was 128x192: 1, 64x96: 2"),
    ({"macs_g": None}, "other GMAC than then: unknown, it was 40"),
    ({"calibration": dict(FACTS["calibration"], slope=1.2, offset_w=-0.25)},
     "another calibration than then: 1.2 * W -0.25 W, it was 1.1 * W +0.3 W"),
])
def test_another_network_is_named_though_it_has_the_same_name(differs, changed, said):
    assert differs(dict(FACTS, **changed)) == ["adapted: " + said]


def test_what_one_of_both_does_not_tell_is_not_compared(differs):
    none = dict(FACTS, weights_sha256=None, calibration=None)
    assert differs(none) == [] and differs(FACTS, then=none) == []
    older = {key: FACTS[key] for key in ("backend", "precision")}
    assert differs(FACTS, then=older) == [] and differs(older) == []


def test_the_machine_and_the_images(bench_of):
    now = dict(bench_of(), machine="another, 2 cores", images_sha256="cd" * 32)
    assert differing(bench_of(), now, []) == ["another machine than then: another, 2 cores, it was a board, 4 cores",
                                              "other images than then: cdcdcdcdcdcd, it was abababababab"]


def test_another_power_mode_or_governor_is_said(bench_of):
    def under(mode, governor):
        return dict(bench_of(), conditions={"start": {"power_mode": mode, "cpu_governor": governor}, "end": {}})

    assert differing(under("MAXN", "schedutil"), under("MAXQ", None), []) == [
        "another power mode than then: MAXQ, it was MAXN", "another CPU governor than then: unknown, it was schedutil"]
    assert differing(under("MAXN", "x"), under("MAXN", "x"), []) == []
    for silent in (None, {}, {"start": None}):
        assert differing(dict(bench_of(), conditions=silent), under("MAXN", "x"), []) == []
