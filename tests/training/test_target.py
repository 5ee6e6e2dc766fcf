"""The target's classes joined to the model's, and the same again from run.json."""
import json
import os

import cv2
import numpy as np
import pytest

from dance_edge.cli.main import run
from dance_edge.data.labels import CAMVID11, CITYSCAPES19, IDD7, VOID
from dance_edge.data.streets import write_streets
from dance_edge.errors import ConfigError, DataError
from dance_edge.events import Note
from dance_edge.size import Size
from dance_edge.training.adapt import adapt
from dance_edge.training.config import AdaptConfig
from dance_edge.training.target import open_target, refuse_other_ids, stored_target


@pytest.fixture
def street(tmp_path):
    """street(names): 4 + 2 drawn streets with CamVid's (or other) names on their ids, as a plain folder."""
    def make(names=CAMVID11.names):
        folder = str(tmp_path / "street")
        write_streets(folder, "day", 4, 2, Size(64, 96), 5)
        with open(os.path.join(folder, "classes.json"), "w") as file:
            json.dump({"classes": list(names)}, file)
        return folder
    return make


def _notes(events):
    return [event.text for event in events if isinstance(event, Note) and event.text.startswith("label map")]


def test_a_pairs_map_is_taken_said_and_stored(street):
    events = []
    target = open_target(street(), "", "", CITYSCAPES19, events.append)
    assert target.label_map == "camvid11-to-cityscapes19" and target.classes == CITYSCAPES19
    assert _notes(events) == [
        "label map camvid11-to-cityscapes19, since it joins exactly these classes: sign, bicyclist become void; the "
        "data set has no wall, traffic light, traffic sign, terrain, rider, truck, bus, train, motorcycle, bicycle"]
    facts = json.loads(json.dumps(target.to_dict()))
    assert facts["label_map"] == "camvid11-to-cityscapes19"
    assert stored_target(facts, CITYSCAPES19) == target
    refuse_other_ids(target, facts)
    ids = {one.name: target.read(one).label for one in target.train}
    own = open_target(target.dataset.root, "", "", None, events.append)
    for record in own.train:
        raw, label = own.read(record).label, ids[record.name]
        assert (label[raw == CAMVID11.index("road")] == CITYSCAPES19.index("road")).all()
        assert (label[raw == CAMVID11.index("sign")] == VOID).all() and (raw == CAMVID11.index("road")).any()


def test_a_named_map_is_said_and_equal_names_need_none(street, tmp_path):
    events = []
    folder = street()
    assert open_target(folder, "", "camvid11-to-idd7", None, events.append).classes == IDD7
    assert _notes(events) == ["label map camvid11-to-idd7: no class becomes void"]
    again = open_target(folder, "", "", CAMVID11._replace(names=CAMVID11.names[::-1]), events.append)
    assert again.label_map == "" and again.code.lookup[0] == 10 and len(_notes(events)) == 1


def test_coarse_classes_are_refused_for_a_finer_model(street):
    with pytest.raises(DataError) as caught:
        open_target(street(IDD7.names), "", "", CAMVID11, print)
    assert "idd7" in caught.value.message


def test_a_run_does_not_go_on_with_other_ids(street, tmp_path):
    folder, path = street(), tmp_path / "map.json"
    path.write_text(json.dumps({"road": "drivable", "sky": "sky"}))
    facts = open_target(folder, "", str(path), IDD7, lambda event: None).to_dict()
    path.write_text(json.dumps({"road": "drivable", "sky": None}))
    with pytest.raises(ConfigError, match="not those that the run began with"):
        refuse_other_ids(open_target(folder, "", str(path), IDD7, lambda event: None), facts)


def test_colours_come_back_from_a_stored_target(tmp_path):
    for frame in ("0016E5_07920", "0016E5_07959"):
        for folder, name in (("701_StillsRaw_full", frame), ("LabeledApproved_full", frame + "_L")):
            os.makedirs(str(tmp_path / "c" / folder), exist_ok=True)
            picture = np.full((8, 8, 3), (0, 192, 64), np.uint8)  # BGR of a wall
            cv2.imwrite(str(tmp_path / "c" / folder / (name + ".png")), picture)
    target = open_target(str(tmp_path / "c"), "", "", IDD7, lambda event: None)
    again = stored_target(json.loads(json.dumps(target.to_dict())), IDD7)
    assert again == target and (again.read(again.val[0]).label == IDD7.index("far object")).all()


def test_adapt_and_eval_take_the_same_map(street, small_networks):
    asked = AdaptConfig(target=street(), steps=2, batch_size=2, slim=False, workers=0, model=small_networks + ":make")
    adapt(asked._replace(label_map="camvid11-to-idd7", out="source"))
    events = []
    result = adapt(asked._replace(source="source", out="r"), events.append)
    assert result.manifest.classes == IDD7
    assert _notes(events) == ["label map camvid11-to-idd7, since it joins exactly these classes: no class becomes void"]
    with open("r/run.json") as file:
        state = json.load(file)
    assert state["target"]["label_map"] == "camvid11-to-idd7" and state["config"]["label_map"] == ""
    for arguments in ([], ["--data", "street"]):
        command = ["-q", "eval", "r", "--model", asked.model, "--backend", "torch", "--json", "e.json"]
        assert run(command + arguments) == 0
        with open("e.json") as file:
            found = json.load(file)
        assert found["miou"] == pytest.approx(result.facts["miou_after"], abs=1e-6)
        assert set(found["per_class"]) == set(IDD7.names)
