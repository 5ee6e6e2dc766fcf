"""What a graph may take and give, and what is said of one that cannot be served."""
import pytest

from dance_edge.errors import CheckpointError
from dance_edge.runtime.graph import Tensor, check_input, only_size, take_output
from dance_edge.size import Size

LABELS, PLANES = Tensor("labels", "int64", ("n", "h", "w")), Tensor("planes", "int64", (1, 1, 64, 96))
LOGITS, STRIDED = Tensor("logits", "float32", (None, 19, "h", "w")), Tensor("out", "float16", (1, 19, 8, 12))
MASK, SCORE = Tensor("mask", "float32", (1, 1, 64, 96)), Tensor("score", "float32", ("n", 19))


def image(dtype="float32", shape=("n", 3, "h", "w")):
    return Tensor("image", dtype, shape)


@pytest.mark.parametrize("shape, size", [
    (("n", 3, "h", "w"), None), ((1, 3, None, None), None), ((None, None, 64, 96), Size(64, 96)),
    ((1, 3, 3, 3), Size(3, 3))])
def test_an_image_with_sides_that_are_free_or_fixed(shape, size):
    assert only_size("m.onnx", check_input("m.onnx", [image(shape=shape)])) == size


@pytest.mark.parametrize("inputs, got, hint", [
    ([image("uint8")], "image uint8 (n, 3, h, w)", "float32"), ([image("float16")], "float16", "float32"),
    ([image(shape=("n", "h", "w", 3))], "(n, h, w, 3)", "stand last"),
    ([image(shape=(1, 64, 96, 3))], "(1, 64, 96, 3)", "stand last"),
    ([image(shape=("n", 1, "h", "w"))], "(n, 1, h, w)", "channels"),
    ([image(shape=("n", 4, "h", "w"))], "(n, 4, h, w)", "channels"),
    ([image(shape=(3, "h", "w"))], "(3, h, w)", "channels"),
    ([image(), image()], "image float32 (n, 3, h, w), image", "alone"), ([], "nothing", "alone"),
    ([image(shape=(8, 3, None, 96))], "batches of 8", "batch of 1")])
def test_another_input_is_refused_with_what_was_got_and_expected(inputs, got, hint):
    with pytest.raises(CheckpointError) as caught:
        check_input("m.onnx", inputs)
    assert "m.onnx takes" in caught.value.message and got in caught.value.message and hint in caught.value.hint
    assert "expected" in caught.value.message and caught.value.exit_code == 4


@pytest.mark.parametrize("shape", [(1, 3, 64, "w"), ("n", 3, None, 96)])
def test_one_fixed_side_is_refused(shape):
    with pytest.raises(CheckpointError, match="one side is fixed") as caught:
        only_size("m.onnx", image(shape=shape))
    assert "neither" in caught.value.hint


@pytest.mark.parametrize("outputs, name, logits", [
    ([LABELS], "labels", False), ([PLANES], "planes", False), ([LOGITS], "logits", True), ([STRIDED], "out", True),
    ([SCORE, LOGITS, LABELS], "logits", True), ([MASK, LABELS], "labels", False), ([STRIDED, LOGITS], "out", True)])
def test_the_first_segmentation_is_taken_and_said_where_there_are_more(outputs, name, logits):
    taken = take_output("m.onnx", outputs)
    assert (taken.output.name, taken.logits) == (name, logits)
    place = "output %d of %d of m.onnx is taken: %s" % (outputs.index(taken.output) + 1, len(outputs), name)
    assert taken.words.startswith(place) if len(outputs) > 1 else taken.words == ""


@pytest.mark.parametrize("outputs, said", [
    ([SCORE, Tensor("boxes", "int64", (1, 4))], "score float32 (n, 19), boxes int64 (1, 4); integer labels"),
    ([Tensor("planes", "int64", (1, 19, 64, 96))], "integer labels"), ([], "nothing"),
    ([Tensor("ids", "float32", (1, 64, 96))], "integer labels"), ([SCORE, MASK], "binary mask"),
    ([Tensor("any", "float32", ())], "any float32 ()")])
def test_without_one_all_outputs_are_named(outputs, said):
    with pytest.raises(CheckpointError) as caught:
        take_output("m.onnx", outputs)
    assert said in caught.value.message and caught.value.hint
