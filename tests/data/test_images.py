"""Reading images and labels: what is whole, what is broken, and which numbers come out."""
import os
import pickle
import struct
import zlib

import cv2
import numpy as np
import pytest

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.cityscapes import LABEL_IDS
from dance_edge.data.dataset import Record
from dance_edge.data.images import (
    BrokenImage,
    SizeMismatch,
    image_size,
    read_counted,
    read_image,
    read_label,
    read_pair,
)
from dance_edge.data.label_codes import identity_code
from dance_edge.data.labels import VOID
from dance_edge.data.layouts import open_dataset
from dance_edge.data.transforms import to_rung
from dance_edge.errors import DataError
from dance_edge.size import Size

FOUR = identity_code(4)


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


def test_gray_alpha_and_sixteen_bits_in_every_mixture(tmp_path, write):
    """Of two bytes the high one; blue, green, red from whatever there is; alpha has no say, transparent or not."""
    gray = np.array([[0, 16, 255], [7, 128, 200]])
    colours = np.dstack([gray, gray // 2, gray // 4])
    transparent = np.zeros_like(gray)
    for name, samples in (("gray", gray), ("bgr", colours), ("bgra", np.dstack([colours, transparent]))):
        wanted = np.repeat(gray[:, :, np.newaxis], 3, axis=2) if samples.ndim == 2 else colours
        eight = write(tmp_path / (name + "8.png"), samples.astype(np.uint8))
        deep = write(tmp_path / (name + "16.png"), (samples * 256 + 201).astype(np.uint16))
        assert np.array_equal(read_image(eight), wanted) and np.array_equal(read_image(deep), wanted)


def test_a_camera_s_twelve_bits_are_refused_and_not_black(tmp_path, write):
    twelve = np.full((4, 6, 3), 4095, dtype=np.uint16)
    with pytest.raises(BrokenImage) as caught:
        read_image(write(tmp_path / "raw.png", twelve))
    assert caught.value.reason == "its 16-bit values end at 4095 of 65535, which would be next to black; scale them up"
    assert (read_image(write(tmp_path / "scaled.png", twelve * 16)) == 0xFF).all()
    assert (read_image(write(tmp_path / "lid.png", twelve * 0)) == 0).all()  # a covered lens is black in truth


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
    with pytest.raises(BrokenImage):
        read_pair(Record("k", cut, None, ""), FOUR, Size(50, 50))  # the decoder of half a JPEG sees it too
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


def test_a_header_that_asks_for_more_pixels_than_opencv_takes_is_a_broken_image(tmp_path, png):
    data = bytearray(png(np.zeros((4, 4), np.uint8), 0))
    data[16:24] = struct.pack(">II", 40000, 40000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])) & 0xFFFFFFFF)
    huge = _save(tmp_path / "huge.png", bytes(data))
    for read in (read_image, lambda path: read_label(path, FOUR)):
        with pytest.raises(BrokenImage, match="too large for OpenCV"):
            read(huge)


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


@pytest.mark.parametrize("orientation", [3, 6])
def test_exif_turns_neither_image_nor_label(tmp_path, write, with_exif, png_with_exif, orientation):
    gray = np.arange(24, dtype=np.uint8).reshape(4, 6) % 4
    with open(write(tmp_path / "plain.png", gray), "rb") as file:
        label = _save(tmp_path / "label.png", png_with_exif(file.read(), orientation))
    assert np.array_equal(read_label(label, FOUR), gray) and np.array_equal(read_image(label)[:, :, 0], gray)
    ramp = np.arange(0, 192, 2, dtype=np.uint8).reshape(8, 12)  # 2 more a column, 24 more a row
    image = _save(tmp_path / "a.jpg", with_exif(cv2.imencode(".jpg", ramp)[1].tobytes(), orientation))
    for wanted in (None, Size(4, 6)):
        sample = read_pair(Record("a", image, None, ""), FOUR, wanted)
        assert sample.image.shape == ((8, 12, 3) if wanted is None else (4, 6, 3))
        assert (np.diff(sample.image[:, 1, 0].astype(int)) > 0).all()  # brighter downwards, as it is stored


def test_exif_turns_no_png_and_no_label(tmp_path, write, scene, with_exif):
    def tagged(name, picture):
        with open(write(tmp_path / name, picture), "rb") as file:
            data = file.read()
        body = with_exif(b"\xff\xd8", 6)[12:]  # without the JPEG's marker and "Exif"
        chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
        return _save(tmp_path / name, data[:33] + chunk + data[33:])  # after the header's chunk

    image, label = scene(), scene()[:, :, 0] % 4
    pair = read_pair(Record("a", tagged("image.png", image), tagged("label.png", label), ""), FOUR)
    assert np.array_equal(pair.image, image) and np.array_equal(pair.label, label)


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
    alpha = np.dstack([three, np.array([[0, 9], [128, 255]], np.uint8)])  # transparent or not, ids are ids
    assert np.array_equal(read_label(write(tmp_path / "alpha.png", alpha), FOUR), ids)
    with pytest.raises(DataError, match="ids up to 26000"):
        read_label(write(tmp_path / "instances.png", np.full((2, 2), 26000, np.uint16)), FOUR)
    three[0, 0] = (1, 2, 3)
    with pytest.raises(DataError, match="colours"):
        read_label(write(tmp_path / "colours.png", three), FOUR)


def test_an_alpha_of_a_label_says_nothing(tmp_path, write):
    ids = np.array([[0, 1], [255, 3]], dtype=np.uint8)
    assert np.array_equal(read_label(write(tmp_path / "rgba.png", np.dstack([ids, ids, ids, 7 - ids])), FOUR), ids)


def test_numbers_that_are_no_ids_are_refused(tmp_path, write):
    with pytest.raises(DataError, match="float32"):
        read_label(write(tmp_path / "a.tiff", np.array([[0.0, 1.5]], dtype=np.float32)), FOUR)
    ids = np.array([[0, 3]], dtype=np.uint8)
    assert np.array_equal(read_label(write(tmp_path / "b.tiff", ids), FOUR), ids)
    assert np.array_equal(read_label(write(tmp_path / "b.bmp", ids), FOUR), ids)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("form", ["JPEG", "WebP"])
def test_what_loses_on_the_way_is_no_label_whatever_its_name(tmp_path, name, form):
    data = cv2.imencode("." + form.lower(), np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    with pytest.raises(DataError) as caught:
        read_label(_save(tmp_path / name, data), FOUR)
    assert form in caught.value.message and not isinstance(caught.value, BrokenImage)


def test_ids_that_nobody_knows_are_named(tmp_path, write):
    path = write(tmp_path / "a.png", np.array([[0, 4], [77, 255]], dtype=np.uint8))
    with pytest.raises(DataError) as caught:
        read_label(path, FOUR)
    assert path in caught.value.message and "4, 77" in caught.value.message and "x 1, y 0" in caught.value.message
    label = read_label(write(tmp_path / "b.png", np.array([[0, 7], [26, 255]], dtype=np.uint8)), LABEL_IDS)
    assert label.tolist() == [[VOID, 0], [13, VOID]]


def test_a_pair_and_an_image_alone(tmp_path, write, scene):
    image = write(tmp_path / "1.png", scene())
    label = write(tmp_path / "1l.png", np.full((24, 32), 2, np.uint8))
    pair = read_pair(Record("k", image, label, ""), FOUR)
    assert pair.key == "k" and pair.image.shape == (24, 32, 3) and (pair.label == 2).all()
    assert read_pair(Record("k", image, None, ""), FOUR).label is None
    with pytest.raises(AttributeError):
        pair.other = 1


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_counted_pair_is_the_pairs_gray_and_its_labels_pixels(tmp_path, write, scene, suffix):
    label = np.full((24, 32), 255, np.uint8)
    label[:6], label[6:9] = 7, 26
    record = Record("k", write(tmp_path / ("1" + suffix), scene()), write(tmp_path / "1l.png", label), "")
    counted, pair = read_counted(record, LABEL_IDS), read_pair(record, LABEL_IDS)
    assert counted.pixels == {0: 192, 13: 96, 255: 480} == dict(zip(*(one.tolist() for one in np.unique(
        pair.label, return_counts=True))))
    assert counted.image.shape == ((24, 32) if suffix == ".jpg" else (24, 32, 3))
    if suffix == ".jpg":
        gray = cv2.cvtColor(pair.image, cv2.COLOR_BGR2GRAY).astype(np.int16)
        assert np.abs(gray - counted.image).mean() < 1.0
    assert read_counted(record._replace(label=None), LABEL_IDS).pixels == {}


@pytest.mark.parametrize("label", [np.full((12, 16), 7, np.uint8), np.full((24, 32), 99, np.uint8),
                                   np.full((24, 32, 3), (1, 2, 3), np.uint8)])
def test_a_counted_pair_refuses_what_a_pair_refuses(tmp_path, write, scene, label):
    record = Record("k", write(tmp_path / "1.jpg", scene()), write(tmp_path / "1l.png", label), "")
    messages = []
    for read in (read_pair, read_counted):
        with pytest.raises(DataError) as caught:
            read(record, LABEL_IDS)
        messages.append((type(caught.value), caught.value.message, caught.value.hint))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("indicator", ["sobel", "weber"])
@pytest.mark.parametrize("name", ["camvid", "bdd100k", "idd_lite"])
def test_a_jpegs_own_gray_hardly_moves_p(data_dir, name, indicator):
    dataset = open_dataset(os.path.join(data_dir, name))
    records = dataset.records()[::max(1, len(dataset.records()) // 60)]
    size = image_size(records[0].image)
    coloured = np.array([measure(read_image(record.image), size, indicator) for record in records])
    gray = np.array([measure(read_counted(record, dataset.code).image, size, indicator) for record in records])
    profile = fit_profile(coloured, size, name, indicator)
    moved = [abs(profile.p(one) - profile.p(other)) for one, other in zip(coloured, gray)]
    assert np.percentile(moved, 95) < 0.006


def test_half_a_jpeg_where_no_more_is_wanted(tmp_path, write, scene):
    image, png = (write(tmp_path / name, scene(0, 24, 32)) for name in ("a.jpg", "a.png"))
    label = write(tmp_path / "l.png", np.full((24, 32), 2, np.uint8))
    for path, wanted, shape in ((image, Size(12, 16), (12, 16, 3)), (image, Size(3, 5), (12, 16, 3)),
                                (image, Size(13, 16), (24, 32, 3)), (image, Size(12, 17), (24, 32, 3)),
                                (image, None, (24, 32, 3)), (png, Size(12, 16), (24, 32, 3))):
        pair = read_pair(Record("k", path, label, ""), FOUR, wanted)
        assert pair.image.shape == shape and pair.label.shape == (24, 32)
    small = write(tmp_path / "s.png", np.zeros((12, 16), np.uint8))  # as large as half the image
    with pytest.raises(SizeMismatch, match="is 16x12, its image is 32x24"):
        read_pair(Record("k", image, small, ""), FOUR, Size(12, 16))
    odd = write(tmp_path / "odd.jpg", scene(0, 23, 33))
    assert read_pair(Record("k", odd, None, ""), FOUR, Size(11, 16)).image.shape == (12, 17, 3)


def _difference(record, code, size):
    """Mean absolute difference, in gray levels, of an image at `size` from half of its JPEG and from all of it."""
    half, full = (to_rung(read_pair(record, code, wanted).image, size) for wanted in (size, None))
    return float(np.abs(half.astype(np.int16) - full).mean())


@pytest.mark.parametrize("name", ["camvid", "bdd100k"])
def test_half_a_jpeg_is_near_the_whole_one_resized(data_dir, name):
    """The tolerance that is promised: 1 gray level at exactly half size, below it 3 (simple images) and 10 (others)."""
    dataset = open_dataset(os.path.join(data_dir, name))
    records = dataset.splits["train"][::max(1, len(dataset.splits["train"]) // 60)]
    full = image_size(records[0].image)
    half = Size(full.height // 2, full.width // 2)
    below = Size(half.height * 49 // 50, half.width * 49 // 50)
    by_complexity = sorted(records, key=lambda record: measure(read_image(record.image), full))
    for rank, record in enumerate(by_complexity):
        assert 0.0 < _difference(record, dataset.code, half) < 1.0
        assert _difference(record, dataset.code, below) < (3.0 if rank < len(records) / 8 else 10.0)
