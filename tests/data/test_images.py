"""Reading images and labels: what is whole, what is broken, and which numbers come out."""
import os
import pickle

import cv2
import numpy as np
import pytest

from dance_edge.data.dataset import Record
from dance_edge.data.images import BrokenImage, SizeMismatch, image_size, read_image, read_label, read_pair
from dance_edge.data.labels import VOID, cityscapes_lookup, identity_lookup
from dance_edge.errors import DataError
from dance_edge.size import Size

FOUR = identity_lookup(4)


def _save(path, data):
    path.write_bytes(data)
    return str(path)


def test_an_image_is_bgr_and_three_channels(tmp_path, write):
    colours = np.zeros((4, 6, 3), dtype=np.uint8)
    colours[:, :, 0] = 200  # blue
    assert np.array_equal(read_image(write(tmp_path / "a b ü.PNG", colours)), colours)
    gray = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert np.array_equal(read_image(write(tmp_path / "gray.png", gray)), np.repeat(gray[:, :, np.newaxis], 3, 2))
    alpha = np.dstack([colours, np.full((4, 6), 7, dtype=np.uint8)])
    assert np.array_equal(read_image(write(tmp_path / "alpha.png", alpha)), colours)
    deep = np.full((4, 6), 0x1234, dtype=np.uint16)
    assert (read_image(write(tmp_path / "deep.png", deep)) == 0x12).all()


@pytest.mark.parametrize("suffix, flags", [(".jpg", ()), (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)), (".png", ())])
@pytest.mark.parametrize("keep", [0.0, 0.1, 0.9, 0.99])
@pytest.mark.parametrize("blur", [0, 5])  # noise makes a large file: some versions of OpenCV tell it from a small one
def test_a_cut_file_is_broken_and_not_gray_below(tmp_path, capfd, suffix, flags, keep, blur):
    noise = np.random.RandomState(0).randint(0, 255, (200, 300, 3)).astype(np.uint8)
    image = cv2.GaussianBlur(noise, (0, 0), blur) if blur else noise
    data = cv2.imencode(suffix, image, list(flags))[1].tobytes()
    whole = _save(tmp_path / ("whole" + suffix), data)
    assert read_image(whole).shape == (200, 300, 3)
    cut = _save(tmp_path / ("cut" + suffix), data[:int(len(data) * keep)])
    with pytest.raises(BrokenImage) as caught:
        read_image(cut)
    assert caught.value.path == cut and cut in caught.value.message
    assert caught.value.reason == ("the file is empty" if keep == 0.0 else caught.value.reason)
    assert "cut off" in caught.value.reason or keep == 0.0
    assert capfd.readouterr().err == ""  # the decoder's own words are not for users


def test_text_missing_files_and_links_have_their_reasons(tmp_path):
    os.symlink(str(tmp_path / "gone"), str(tmp_path / "link.jpg"))
    text = _save(tmp_path / "text.jpg", b"text")
    for path, reason in ((text, "not an image"), (str(tmp_path / "no.jpg"), "No such file"),
                         (str(tmp_path / "link.jpg"), "a link to"), (str(tmp_path), "Is a directory")):
        for read in (read_image, image_size):
            with pytest.raises(BrokenImage) as caught:
                read(path)
            assert reason in caught.value.reason


def test_errors_travel_between_processes(tmp_path):
    for error in (BrokenImage("a.jpg", "cut"), SizeMismatch("label", "hint")):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and again.message == error.message and again.hint == error.hint
    assert pickle.loads(pickle.dumps(BrokenImage("a.jpg", "cut"))).reason == "cut"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.bmp"])
def test_the_size_without_decoding(tmp_path, write, scene, name):
    assert image_size(write(tmp_path / name, scene(0, 30, 50))) == Size(30, 50)


@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_turns_nothing(tmp_path, write, scene, with_exif, orientation):
    plain = write(tmp_path / "plain.jpg", scene())
    with open(plain, "rb") as file:
        turned = _save(tmp_path / "turned.jpg", with_exif(file.read(), orientation))
    assert np.array_equal(read_image(turned), read_image(plain)) and image_size(turned) == Size(24, 32)


def test_a_mismatch_that_a_turn_explains_says_so(tmp_path, write, scene, with_exif):
    with open(write(tmp_path / "plain.jpg", scene()), "rb") as file:
        image = _save(tmp_path / "turned.jpg", with_exif(file.read(), 6))
    label = write(tmp_path / "turned.png", np.zeros((32, 24), dtype=np.uint8))
    with pytest.raises(SizeMismatch) as caught:
        read_pair(Record("turned.jpg", image, label, ""), FOUR)
    assert caught.value.message == ("label turned.png is 24x32, its image is 32x24 as stored; EXIF orientation 6 would "
                                    "turn it, but images are read as they are stored")


def test_a_mismatch_is_said_as_viewers_say_sizes(tmp_path, write):
    record = Record("a", write(tmp_path / "0016E5_07959.jpg", np.zeros((720, 960, 3), np.uint8)),
                    write(tmp_path / "0016E5_07959.png", np.zeros((360, 480), np.uint8)), "")
    with pytest.raises(SizeMismatch) as caught:
        read_pair(record, FOUR)
    assert caught.value.message == "label 0016E5_07959.png is 480x360, its image is 960x720"
    assert caught.value.hint == "give the labels at the images' size, or leave the pair out with --skip-mismatched"


def test_a_palettes_indices_are_the_ids(tmp_path, png):
    indices = np.array([[0, 3, 3], [3, 0, 0]])
    palette = [(90, 90, 90), (1, 2, 3), (4, 5, 6), (128, 128, 128)]  # gray-like where it is used
    for bits in (2, 4, 8):
        label = read_label(_save(tmp_path / "p.png", png(indices, 3, bits, palette)), FOUR)
        assert np.array_equal(label, indices) and label.dtype == np.uint8
    data = png(indices, 3, 8, palette)
    with pytest.raises(BrokenImage, match="cut off"):
        read_label(_save(tmp_path / "cut.png", data[:-20]), FOUR)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_gray_of_few_bits_is_not_spread(tmp_path, png, bits):
    indices = np.array([[0, 1, 1], [1, 0, 0]]) * ((1 << min(bits, 2)) - 1)
    assert np.array_equal(read_label(_save(tmp_path / "g.png", png(indices, 0, bits)), FOUR), indices)


def test_sixteen_bits_and_three_equal_channels_are_ids_too(tmp_path, write):
    ids = np.array([[0, 1], [255, 3]])
    assert np.array_equal(read_label(write(tmp_path / "deep.png", ids.astype(np.uint16)), FOUR), ids)
    three = np.repeat(ids.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    assert np.array_equal(read_label(write(tmp_path / "three.png", three), FOUR), ids)
    with pytest.raises(DataError, match="ids up to 26000"):
        read_label(write(tmp_path / "instances.png", np.full((2, 2), 26000, np.uint16)), FOUR)
    three[0, 0] = (1, 2, 3)
    with pytest.raises(DataError, match="colours"):
        read_label(write(tmp_path / "colours.png", three), FOUR)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
def test_a_jpeg_is_no_label_whatever_its_name(tmp_path, name):
    data = cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes()
    with pytest.raises(DataError) as caught:
        read_label(_save(tmp_path / name, data), FOUR)
    assert "JPEG" in caught.value.message and not isinstance(caught.value, BrokenImage)


def test_ids_that_nobody_knows_are_named(tmp_path, write):
    path = write(tmp_path / "a.png", np.array([[0, 4], [77, 255]], dtype=np.uint8))
    with pytest.raises(DataError) as caught:
        read_label(path, FOUR)
    assert path in caught.value.message and "4, 77" in caught.value.message
    label = read_label(write(tmp_path / "b.png", np.array([[0, 7], [26, 255]], dtype=np.uint8)), cityscapes_lookup())
    assert label.tolist() == [[VOID, 0], [13, VOID]]


def test_a_pair_and_an_image_alone(tmp_path, write, scene):
    image = write(tmp_path / "1.png", scene())
    label = write(tmp_path / "1l.png", np.full((24, 32), 2, np.uint8))
    pair = read_pair(Record("k", image, label, ""), FOUR)
    assert pair.key == "k" and pair.image.shape == (24, 32, 3) and (pair.label == 2).all()
    assert read_pair(Record("k", image, None, ""), FOUR).label is None
    with pytest.raises(AttributeError):
        pair.other = 1
