"""`dance-edge scan` as a user calls it."""
import json
import os

import cv2
import numpy as np
import pytest

from dance_edge.cli import main

KEYS = {"format", "layout", "images", "classes", "measured_size", "indicator", "loc", "scale", "ks_distance", "fits",
        "mean", "groups", "warnings", "broken", "unpaired", "class_shares", "class_images", "void_share"}


@pytest.fixture
def camvid(tmp_path, monkeypatch):
    """A folder `c` of twelve pairs in CamVid's layout; the test runs beside it."""
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for folder in ("train", "trainannot"):
        os.makedirs(str(tmp_path / "c" / folder))
    for i in range(12):
        image = np.random.RandomState(i).randint(0, 20 + 15 * i, (24, 32, 3)).astype(np.uint8)
        cv2.imwrite("c/train/%s_%02d.jpg" % ("dusk" if i < 4 else "day", i), image)
        cv2.imwrite("c/trainannot/%s_%02d.png" % ("dusk" if i < 4 else "day", i), np.full((24, 32), i % 11, np.uint8))
    return tmp_path


def _json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def test_the_promised_keys_and_files(camvid, capsys):
    assert main.run(["scan", "c/", "--json", "s.json"]) == 0
    found = _json("s.json")
    assert KEYS <= set(found)
    assert (found["layout"], found["images"], found["measured_size"]) == ("camvid", 12, [24, 32])
    assert found["indicator"] == "sobel"
    assert len(found["classes"]) == 11 and found["broken"] == [] and found["unpaired"] == {"images": [], "labels": []}
    assert sorted(os.listdir("runs/scan-c")) == ["complexity.csv", "contact_sheet.png", "distribution.png",
                                                 "profile.json"]
    profile = _json("runs/scan-c/profile.json")
    assert (profile["loc"], profile["scale"]) == (found["loc"], found["scale"]) and profile["sample_count"] == 8
    assert [one["name"] for one in found["groups"]] == ["day", "darkest quarter", "darker quarter", "brighter quarter",
                                                        "brightest quarter"]  # dusk is held out to score on
    out = capsys.readouterr().out
    assert "layout camvid, 12 pairs (train 12)" in out and "files in runs/scan-c" in out


def test_both_fits_are_in_the_json_in_the_profile_and_in_the_text(camvid, capsys):
    assert main.run(["scan", "c", "--json", "s.json"]) == 0
    found, profile, lines = _json("s.json"), _json("runs/scan-c/profile.json"), capsys.readouterr().out.splitlines()
    kept = found["fits"][found["fits"]["kept"]]
    assert found["fits"] == profile["fits"] and found["fits"]["fixed"]["loc"] == 0
    assert (kept["loc"], kept["scale"], kept["ks_distance"]) == (found["loc"], found["scale"], found["ks_distance"])
    assert kept["ks_distance"] == min(found["fits"][way]["ks_distance"] for way in ("fixed", "free"))
    fits = [line for line in lines if line.startswith("Maxwell, ")]
    assert [line.split(":")[0] for line in fits] == ["Maxwell, location 0", "Maxwell, free location"]
    assert [line.endswith("(kept)") for line in fits].count(True) == 1


def test_class_frequencies(camvid, capsys):
    label = np.full((24, 32), 255, np.uint8)
    label[:6] = 0
    cv2.imwrite("c/trainannot/dusk_00.png", label)  # a quarter sky, the rest void
    assert main.run(["scan", "c", "--json", "s.json"]) == 0
    found = _json("s.json")
    assert found["class_images"] == dict({name: 1 for name in found["classes"]}, sky=2)  # 00 and 11
    assert found["class_shares"]["sky"] == pytest.approx(1.25 / 11.25)
    assert found["void_share"] == pytest.approx(0.75 / 12)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["sky", "11.11", "%", "2"] in lines and ["bicyclist", "8.89", "%", "1"] in lines


def test_with_json_on_stdout_there_is_nothing_else(camvid, capsys):
    assert main.run(["scan", "c", "--json", "-", "--indicator", "weber", "--out", "here"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["indicator"] == "weber" and os.path.exists("here/profile.json")
    assert json.load(open("here/profile.json"))["indicator"] == "weber" and not os.path.exists("runs")


def test_broken_and_lone_files_are_named_and_strict_refuses_them(camvid, capsys):
    with open("c/train/day_05.jpg", "rb+") as file:
        file.truncate(int(os.path.getsize("c/train/day_05.jpg") * 0.9))
    os.remove("c/trainannot/day_06.png")
    os.remove("c/train/day_07.jpg")
    assert main.run(["scan", "c", "--json", "s.json"]) == 0
    found = _json("s.json")
    assert found["images"] == 9
    assert found["broken"] == [{"path": "c/train/day_05.jpg", "reason": "the JPEG is cut off"}]
    assert found["unpaired"] == {"images": ["c/train/day_06.jpg"], "labels": ["c/trainannot/day_07.png"]}
    assert found["warnings"][:2] == ["1 file cannot be decoded", "2 files have no partner"]
    assert "broken: c/train/day_05.jpg" in capsys.readouterr().out
    assert main.run(["scan", "c", "--strict"]) == 3
    error = capsys.readouterr().err
    assert "error: 1 files are broken and 2 have no partner" in error and "\nhint:  " in error


def test_a_dusk_sequence_is_warned_of(camvid, capsys):
    for i in range(4):
        image = np.random.RandomState(i).randint(0, 30, (24, 32, 3)).astype(np.uint8)
        cv2.imwrite("c/train/dusk_%02d.jpg" % i, image)
    os.makedirs("c/val")
    os.makedirs("c/valannot")
    cv2.imwrite("c/val/other_1.jpg", image)
    cv2.imwrite("c/valannot/other_1.png", np.zeros((24, 32), np.uint8))
    assert main.run(["scan", "c", "--json", "s.json"]) == 0
    warnings = [line for line in _json("s.json")["warnings"] if "sequence dusk (4 of 12 images, 33.3 %" in line]
    assert len(warnings) == 1 and "--indicator weber makes it" in warnings[0]
    assert [one["name"] for one in _json("s.json")["groups"] if one["starved"]] == ["dusk", "darkest quarter"]


def test_a_folder_of_images_alone(camvid, capsys):
    assert main.run(["scan", "c/train", "--json", "s.json"]) == 0
    found = _json("s.json")
    assert (found["layout"], found["images"], found["classes"]) == ("folder", 12, [])
    assert "12 images without labels" in capsys.readouterr().out


def test_a_video_gets_a_profile_of_its_own(camvid, write_clip, capsys):
    frames = [np.random.RandomState(i).randint(0, 20 + 20 * i, (48, 64, 3)).astype(np.uint8) for i in range(9)]
    write_clip("drive.avi", frames)
    assert main.run(["scan", "drive.avi", "--out", "profile", "--json", "s.json"]) == 0
    found = _json("s.json")
    assert (found["layout"], found["images"], found["measured_size"]) == ("video", 9, [48, 64])
    assert KEYS <= set(found) and found["sample_count"] == 9 and found["class_images"] is None
    assert found["warnings"] == ["the profile rests on 9 images only"]  # nobody trains on a video: nothing starves
    assert os.path.exists("profile/profile.json") and os.path.exists("profile/contact_sheet.png")


@pytest.mark.parametrize("arguments, code", [
    (["nowhere"], 3), (["text.mp4"], 3), (["c", "--layout", "pascal"], 2), (["c", "--indicator", "none"], 2),
    (["empty"], 3), ([], 2)])
def test_refusals_leave_nothing_behind(camvid, capsys, arguments, code):
    with open("text.mp4", "w") as file:
        file.write("not a video")
    os.makedirs("empty")
    assert main.run(["scan"] + arguments) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "\nhint:  " in error and not os.path.exists("runs")


def test_the_real_camvid(data_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(str(tmp_path))
    assert main.run(["-q", "scan", os.path.join(data_dir, "camvid"), "--json", "s.json"]) == 0
    found = _json("s.json")
    assert found["images"] == 468 and found["measured_size"] == [360, 480]
    assert 0.24 < found["mean"] < 0.29 and found["ks_distance"] < 0.1
    assert any("0001TP" in line for line in found["warnings"])
