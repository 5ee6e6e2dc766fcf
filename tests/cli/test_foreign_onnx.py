"""ONNX files that dance-edge did not write: served and measured by what the user says of them, or refused by name."""
import json
import os
import shlex

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dance_edge.cli import main
from dance_edge.cli.foreign_onnx import class_set, three
from dance_edge.complexity.profile import ComplexityProfile
from dance_edge.data.labels import CAMVID11, CITYSCAPES19
from dance_edge.data.transforms import Normalization
from dance_edge.errors import ConfigError, DataError
from dance_edge.serve.sinks import JsonLinesSink
from dance_edge.size import Size

OTHER = Normalization((0.2, 0.5, 0.7), (0.1, 0.3, 0.6), "bgr")
SAID = ["--classes", "dark,bright", "--mean", "0.2,0.5,0.7", "--std", "0.1,0.3,0.6", "--channels", "bgr"]
STRIPES = np.repeat(np.tile(np.repeat(np.array([[60, 141, 60, 141, 141, 60]], dtype=np.uint8), 32, 1),
                            (128, 1))[:, :, np.newaxis], 3, axis=2)  # as far below 100.5 as above
NOISE = np.random.RandomState(0).randint(0, 256, (128, 192, 3)).astype(np.uint8)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A current folder with two frames, and a profile of such a world that both are seen at 64x96."""
    monkeypatch.chdir(str(tmp_path))
    (tmp_path / "v").mkdir()
    cv2.imwrite("v/0.png", STRIPES)
    cv2.imwrite("v/1.png", NOISE)
    profile = ComplexityProfile(0.0, 50.0, Size(128, 192), 9, 0.1, "another world", "sobel")
    (tmp_path / "p.json").write_text(json.dumps(profile.to_dict()))
    return tmp_path


@pytest.fixture
def served(monkeypatch):
    """Runs serve: the labels of each frame, the lines of the log, and what --json has."""
    def serve(*arguments):
        labels = []
        real = JsonLinesSink.write
        monkeypatch.setattr(JsonLinesSink, "write",
                            lambda self, frame, result: labels.append(result.labels) or real(self, frame, result))
        assert main.run(["serve"] + list(arguments) + ["--video", "v", "--log", "l.jsonl", "--json", "s.json"]) == 0
        monkeypatch.setattr(JsonLinesSink, "write", real)
        with open("l.jsonl") as lines, open("s.json") as facts:
            return labels, [json.loads(line) for line in lines], json.load(facts)
    return serve


@pytest.fixture
def write(switch_manifest, write_switch):
    """Writes the gray switch of OTHER's normalisation without a manifest, as `change` leaves its model."""
    def make(name, change=None, **options):
        path = write_switch(name, switch_manifest(OTHER), metadata=False, **options)
        if change is not None:
            model = onnx.load(path)
            change(model.graph)
            onnx.save(model, path)
        return path
    return make


def sides(tensor):
    return tensor.type.tensor_type.shape.dim


def pooled(graph):
    """Logits at an eighth of the size: the mean of each block of 8x8 goes into the convolution."""
    graph.node.insert(0, helper.make_node("AveragePool", ["image"], ["blocks"], kernel_shape=[8, 8], strides=[8, 8]))
    graph.node[1].input[0] = "blocks"
    for side, name in zip(list(sides(graph.output[0]))[2:], ("h", "w")):
        side.dim_param = name


def planes(graph):
    """int64 (N, 1, H, W): an argmax that keeps its axis, and nothing after it."""
    graph.node.pop()
    graph.node[1].attribute[1].i = 1
    assert graph.node[1].attribute[1].name == "keepdims"
    graph.output.pop()
    graph.output.append(helper.make_tensor_value_info("index", TensorProto.INT64, ["n", 1, "height", "width"]))


def in_front(dtype, shape, node):
    """Another input, of which `node` makes the image."""
    def change(graph):
        graph.input.pop()
        graph.input.append(helper.make_tensor_value_info("given", dtype, shape))
        graph.node.insert(0, node)
    return change


def unknown_channels(graph):
    sides(graph.output[0])[1].dim_param = "c"
    graph.node.append(helper.make_node("Shape", ["logits"], ["shape"]))
    graph.node.append(helper.make_node("Reshape", ["logits", "shape"], ["out"]))
    graph.output[0].name = "out"


def scored(graph):
    """A label of the whole image before the labels of its pixels."""
    graph.node.append(helper.make_node("GlobalAveragePool", ["logits"], ["mean"]))
    graph.node.append(helper.make_node("Flatten", ["mean"], ["score"]))
    labels = graph.output.pop()
    graph.output.extend([helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 2]), labels])


def doubled(graph):
    """Ids 0 and 2."""
    graph.initializer.append(numpy_helper.from_array(np.array(2, dtype=np.int64), "two"))
    graph.node.insert(2, helper.make_node("Mul", ["index", "two"], ["twice"]))
    graph.node[3].input[0] = "twice"


def without_labels(graph):
    scored(graph)
    graph.output.pop()


def of_one_channel(graph):
    graph.node.append(helper.make_node("ReduceMax", ["logits"], ["mask"], axes=[1], keepdims=1))
    graph.output.pop()
    graph.output.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 1, "height", "width"]))


def test_every_kind_of_graph_serves_the_labels_of_our_own(place, served, write, switch_manifest, write_switch, capsys):
    write_switch("own.onnx", switch_manifest(OTHER))
    wanted, lines, facts = served("own.onnx", "--profile", "p.json")
    small = cv2.resize(NOISE, (96, 64), interpolation=cv2.INTER_LINEAR)
    truth = np.kron(small.mean(axis=2) > 100.5, np.ones((2, 2)))
    assert np.array_equal(wanted[0], STRIPES[:, :, 0] > 100) and np.mean(wanted[1] == truth) > 0.999
    assert facts["sizes"] == {"64x96": 2} and facts["energy_j_per_image"] > 0 and lines[1]["p"] > 0
    for name, change, options in (("labels", None, {}), ("logits", None, {"logits": True}), ("planes", planes, {}),
                                  ("eighth", pooled, {"logits": True}), ("scored", scored, {}),
                                  ("unknown", unknown_channels, {"logits": True}),
                                  ("fixed", None, {"size": (64, 96)})):
        write(name + ".onnx", change, **options)
        profile = [] if name == "fixed" else ["--profile", "p.json"]
        got, lines, facts = served(name + ".onnx", *(SAID + profile))
        assert np.array_equal(got[0], wanted[0]), name
        assert name == "eighth" or np.array_equal(got[1], wanted[1]), name  # blocks are all that this one sees
        assert facts["sizes"] == {"64x96": 2} and facts["energy_j_per_image"] is None, name
        assert "MACs are not known" in facts["energy_source"] and [line["frame"] for line in lines] == [0, 1]
        assert (lines[1]["p"] is None) == (facts["profile"] is None) == (name == "fixed"), name
        said = capsys.readouterr().err
        assert "%s.onnx carries no manifest: 2 classes, bgr in" % name in said
        assert ("output 2 of 2 of " in said) == (name == "scored"), name


def test_a_fixed_graph_measures_p_all_the_same_and_says_that_it_decides_nothing(place, served, write, capsys):
    write("fixed.onnx", size=(128, 192))
    _, lines, facts = served("fixed.onnx", "--profile", "p.json", *SAID)
    assert facts["sizes"] == {"128x192": 2} and facts["profile"]["scale"] == 50.0 and facts["warnings"] == []
    assert all(0 <= line["p"] <= 1 and line["complexity_ms"] > 0 for line in lines)
    assert capsys.readouterr().err.count("p is measured, and decides nothing: every image is seen at 192x128") == 1


def test_sizes_go_by_the_stride(place, served, write):
    write("m.onnx")
    assert served("m.onnx", "--profile", "p.json", "--stride", "48", *SAID)[2]["sizes"] == {"96x96": 2}


@pytest.mark.parametrize("given, lacks", [
    ([], "--classes, --mean, --std, --channels, --profile"), (SAID, "--profile"),
    (SAID[:2] + SAID[6:] + ["--profile", "p.json"], "--mean, --std"),
    (SAID[2:] + ["--profile", "p.json"], "--classes"), (SAID[:6] + ["--profile", "p.json"], "--channels")])
def test_what_is_lacking_is_asked_for_by_name_with_a_command_that_runs(place, write, given, lacks, capsys):
    write("net work.onnx")
    os.rename("p.json", "profile.json")
    given = [one.replace("p.json", "profile.json") for one in given]
    assert main.run(["serve", "net work.onnx", "--video", "v"] + given) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error.endswith("net work.onnx carries no manifest and lacks: " + lacks)
    command, remark = hint.split("dance-edge ", 1)[1].split(" (", 1)
    command = shlex.split(command)
    assert ("scan VIDEO" in remark) == ("--profile" in lacks) and ("an example" in remark) == (lacks != "--profile")
    assert command[:4] == ["serve", "net work.onnx", "--video", "v"] and set(given) <= set(command)
    assert main.run(command) == 0 and "2 frames" in capsys.readouterr().out


def test_a_fixed_graph_needs_no_profile_and_bench_of_a_free_one_needs_images_or_a_profile(place, write, capsys):
    write("fixed.onnx", size=(64, 96))
    write("free.onnx")
    for command, lacks in ((["serve", "fixed.onnx", "--camera", "0"], "--classes, --mean, --std, --channels"),
                           (["bench", "free.onnx"] + SAID, "--profile or --data"),
                           (["bench", "free.onnx", "--data", "v"], "--classes, --mean, --std, --channels")):
        assert main.run(command) == 2
        assert ("lacks: %s\n" % lacks) in capsys.readouterr().err


def refused(capsys, code, name, *more):
    before = sorted(os.listdir("."))
    assert main.run(["serve", name, "--video", "v", "--out", "o.mp4", "--profile", "p.json"] + list(more)) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("error:") == 1 and err.count("hint:") == 1 and "Traceback" not in err
    assert sorted(os.listdir(".")) == before
    return err


@pytest.mark.parametrize("changed, code, said", [
    (["--mean", "123.675,116.28,103.53"], 2, "divide by 255: --mean 0.485,0.456,0.406, and --std"),
    (["--std", "58.395,57.12,57.375"], 2, "divide by 255: --std 0.229,0.224,0.225, and --mean"),
    (["--mean", "0.5,0.5"], 2, "not three numbers"), (["--mean", "a,b,c"], 2, "not three numbers"),
    (["--mean", "nan,0,0"], 2, "not three numbers"), (["--std", "0.2,0,0.2"], 2, "not above 0"),
    (["--mean", "-0.1,0,0"], 2, "below 0"), (["--classes", "cityscape19"], 2, "camvid11, cityscapes19"),
    (["--classes", "a,,b"], 2, "different names"), (["--classes", "a,b,a"], 2, "different names"),
    (["--classes", "none.json"], 3, "none.json"), (["--channels", "gray"], 2, "channels"),
    (["--stride", "0"], 2, "stride"), (["--profile", "none.json"], 3, "none.json"),
    (["--classes", "a,b,c"], 2, "of 2 classes (logits float32 (n, 2, height, width)), --classes has 3 classes"),
    (["--classes", "cityscapes19"], 2, "of 2 classes")])
def test_flags_that_cannot_be(place, write, changed, code, said, capsys):
    write("m.onnx", logits=True)
    assert said in refused(capsys, code, "m.onnx", *(SAID + changed))


def test_the_file_counts_the_classes_also_where_it_declares_none(place, write, capsys):
    write("m.onnx", unknown_channels, logits=True)
    assert "logits of 2 classes" in refused(capsys, 2, "m.onnx", *(SAID + ["--classes", "a,b,c"]))


CAST = helper.make_node("Cast", ["given"], ["image"], to=TensorProto.FLOAT)
TURN = helper.make_node("Transpose", ["given"], ["image"], perm=[0, 3, 1, 2])
TRIPLE = helper.make_node("Concat", ["given"] * 3, ["image"], axis=1)


@pytest.mark.parametrize("change, options, said", [
    (in_front(TensorProto.UINT8, ["n", 3, "height", "width"], CAST), {}, "given uint8 (n, 3, height, width)"),
    (in_front(TensorProto.FLOAT16, ["n", 3, "height", "width"], CAST), {}, "given float16 (n, 3, height, width)"),
    (in_front(TensorProto.FLOAT, ["n", "height", "width", 3], TURN), {}, "here they stand last"),
    (in_front(TensorProto.FLOAT, ["n", 1, "height", "width"], TRIPLE), {}, "given float32 (n, 1, height, width)"),
    (None, {"size": (64, "width")}, "one side is fixed"), (of_one_channel, {}, "binary mask"),
    (without_labels, {}, "gives score float32 (n, 2); integer labels"),
    (lambda graph: setattr(sides(graph.input[0])[0], "dim_value", 4), {}, "batches of 4")])
def test_graphs_that_cannot_be_served_are_refused_before_anything_is_asked(place, write, change, options, said, capsys):
    write("m.onnx", change, **options)
    assert said in refused(capsys, 4, "m.onnx")


def test_an_id_beyond_the_classes_ends_it_at_the_first_frame_that_shows_one(place, write, capsys):
    write("m.onnx", doubled)
    assert "class id 2, and there are 2 classes" in refused(capsys, 4, "m.onnx", *SAID)
    cv2.imwrite("v/0.png", np.zeros((128, 192, 3), dtype=np.uint8))
    assert "class id 2, and there are 2 classes" in refused(capsys, 4, "m.onnx", *SAID)
    assert main.run(["serve", "m.onnx", "--video", "v", "--frames", "1", "--profile", "p.json"] + SAID) == 0
    assert main.run(["serve", "m.onnx", "--video", "v", "--profile", "p.json"] + SAID + ["--classes", "a,b,c"]) == 0


@pytest.mark.parametrize("command", ["serve", "bench"])
def test_a_file_of_ours_is_not_contradicted(place, switch_manifest, write_switch, command, capsys):
    write_switch("own.onnx", switch_manifest())
    arguments = [command, "own.onnx"] + (["--video", "v"] if command == "serve" else ["--data", "v"])
    assert main.run(arguments + ["--mean", "0,0,0", "--stride", "8"]) == 2
    assert "--mean and --stride would contradict it" in capsys.readouterr().err
    assert main.run(["-q"] + arguments + ["--profile", "p.json"]) == 0


def test_a_fixed_graph_has_no_use_for_a_stride(place, write, capsys):
    write("m.onnx", size=(64, 96))
    assert "--stride" in refused(capsys, 2, "m.onnx", "--stride", "8", *SAID)


@pytest.mark.parametrize("options, more, sizes, images", [
    ({}, ["--data", "v"], {"128x192": 2}, "2 images of v"),
    ({}, ["--profile", "p.json"], {"64x96": 2}, "2 drawn images of 192x128"),
    ({"size": (96, 96)}, [], {"96x96": 2}, "drawn images of 96x96"),
    ({"logits": True}, ["--data", "v", "--profile", "p.json"], {"64x96": 2}, "2 images of v")])
def test_bench_measures_it_and_leaves_open_what_nobody_counted(place, write, options, more, sizes, images, capsys):
    write("m.onnx", **options)
    assert main.run(["bench", "m.onnx", "--images", "2", "--json", "-"] + SAID + more) == 0
    shown = capsys.readouterr()
    result = json.loads(shown.out)
    (one,) = result["inference"]
    assert one["sizes"] == sizes and images in result["images"] and one["latency_ms"]["p50"] > 0
    assert [one[key] for key in ("macs_g", "params_m", "energy_j_per_image")] == [None] * 3
    assert one["energy"]["gross_j"] is None and "MACs are not known" in one["energy_source"]
    assert one["backend"] == "onnxruntime" and "none (" in shown.err


def test_classes_are_a_known_set_a_file_or_names(tmp_path):
    assert class_set("cityscapes19") == class_set("bdd100k19") == CITYSCAPES19 and class_set("camvid11") == CAMVID11
    named = class_set("sky, building,traffic light")
    assert named.names == ("sky", "building", "traffic light") and len(set(named.palette)) == 3
    path = tmp_path / "classes.json"
    path.write_text(json.dumps({"classes": ["a", "b"], "palette": [[1, 2, 3], [4, 5, 6]], "void": [255]}))
    assert class_set(str(path)) == (("a", "b"), ((1, 2, 3), (4, 5, 6)))
    path.write_text("{}")
    with pytest.raises(DataError):
        class_set(str(path))


def test_three_numbers_in_the_order_of_the_channels():
    assert three("--mean", "0.1, 0.2,1") == (0.1, 0.2, 1.0)
    assert three("--std", "0.00392156862745098,1,1")[0] == 1 / 255.0
    with pytest.raises(ConfigError):
        three("--std", "1.5,1,1")
