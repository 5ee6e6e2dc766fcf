"""`bench --against OLD`: what cannot be compared is refused before minutes of measuring, what differs is said."""
import json

import pytest

from dance_edge.cli import benching
from dance_edge.cli.main import run


@pytest.fixture
def file(tmp_path, switch_manifest, write_switch):
    """Makes an ONNX file of the gray switch, in a folder of its own; keywords are facts of its manifest."""
    def make(name, **facts):
        (tmp_path / name).mkdir()
        return write_switch(tmp_path / name / "model.onnx", switch_manifest(**facts))

    return make


@pytest.fixture
def never(monkeypatch):
    """Nothing is measured."""
    def measured(*arguments):
        pytest.fail("it was measured")

    monkeypatch.setattr(benching, "measure", measured)


def bench(path, arguments):
    assert run(["-q", "bench", "--images", "2", "--rounds", "2", "--json", str(path)] + arguments) == 0
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def old(file, tmp_path):
    """An earlier bench of one ONNX file, `adapted`: its path."""
    bench(tmp_path / "old.json", [file("one", weights_sha256="ab" * 32)])
    return tmp_path / "old.json"


def test_other_names_are_refused_before_anything_is_measured(old, file, tmp_path, never, capsys):
    one, two = file("two"), file("three")
    assert run(["bench", "--models", one, "--models", two, "--against", str(old)]) == 3
    said = capsys.readouterr().err
    assert "old.json has none of these models (two/model.onnx, three/model.onnx), it has adapted" in said
    assert "hint:" in said


@pytest.mark.parametrize("damage", [lambda one: one.pop("energy_j_per_image"),
                                    lambda one: one.update(energy_j_per_image=0),
                                    lambda one: one["energy"].update(gross_j=0.0)])
def test_a_damaged_bench_is_refused_before_anything_is_measured(old, file, never, capsys, damage):
    facts = json.loads(old.read_text())
    damage(facts["inference"][0])
    old.write_text(json.dumps(facts))
    assert run(["bench", file("two"), "--against", str(old)]) == 3
    said = capsys.readouterr().err
    assert "is damaged" in said and "Traceback" not in said and "hint:" in said


def test_another_network_of_the_same_name_is_said(old, file, tmp_path):
    now = file("two", weights_sha256="cd" * 32, params=16, model="other_switch")
    result = bench(tmp_path / "new.json", [now, "--against", str(old)])
    assert [one["name"] for one in result["changes"]] == ["adapted"]
    assert result["differs"] == [
        "adapted: another network than then: other_switch, it was gray_switch",
        "adapted: other weights than then: cdcdcdcdcdcd, it was abababababab",
        "adapted: other M parameters than then: 0.000016, it was 0.000008"]
    assert set(result["differs"]) <= set(result["warnings"])
