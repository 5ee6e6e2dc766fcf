import cv2
import numpy as np
import pytest

from dance_edge.complexity.indicator import measure
from dance_edge.complexity.profile import fit_profile
from dance_edge.data.layouts import open_dataset
from dance_edge.data.streets import CLASSES, CLIP_FPS, DOMAINS, render_scene, write_clip, write_streets
from dance_edge.errors import ConfigError
from dance_edge.events import Progress
from dance_edge.size import Size, size_of

SIZE = Size(96, 144)
# Over the 40 streets of `scenes`: a class's share of all pixels in percent, in how many streets it is seen, and its
# mean luminance (0 to 255) by day and by night.
STATISTICS = {"road": (37.70, 40, 88.5, 57.0), "sidewalk": (5.30, 39, 139.4, 67.5),
              "building": (24.12, 34, 119.3, 68.3), "pole": (1.97, 40, 128.6, 85.6),
              "vegetation": (7.52, 40, 124.1, 54.9), "sky": (15.11, 40, 209.9, 54.6),
              "person": (1.42, 39, 93.6, 62.3), "car": (6.84, 40, 83.5, 73.1)}


@pytest.fixture(scope="module")
def scenes():
    """40 streets of all densities: (by day, by night, labels)."""
    made = []
    for seed in range(40):
        day, labels = render_scene(seed, SIZE, "day")
        night, again = render_scene(seed, SIZE, "night")
        assert np.array_equal(labels, again)
        made.append((day, night, labels))
    return made


def test_shapes_and_ids(scenes):
    day, night, labels = scenes[0]
    for image in (day, night):
        assert image.shape == (96, 144, 3) and image.dtype == np.uint8
    assert labels.shape == (96, 144) and labels.dtype == np.uint8
    assert max(labels.max() for _, _, labels in scenes) == len(CLASSES.names) - 1
    assert len(CLASSES.palette) == len(CLASSES.names)


def test_a_seed_is_a_scene(scenes):
    image, labels = render_scene(3, SIZE, "night")
    assert np.array_equal(image, scenes[3][1]) and np.array_equal(labels, scenes[3][2])
    assert not np.array_equal(labels, scenes[4][2])


def test_the_same_scene_on_every_machine(scenes):
    # Rounding may move a pixel between versions of OpenCV; a street that looks otherwise moves hundreds.
    day, night, labels = scenes[5]
    counts = np.bincount(labels.ravel(), minlength=8)
    assert np.abs(counts - [4003, 1533, 4684, 161, 692, 1613, 239, 899]).max() < 30
    assert np.abs(day.mean(axis=(0, 1)) - [118.7, 122.0, 119.8]).max() < 0.5
    assert np.abs(night.mean(axis=(0, 1)) - [51.1, 58.0, 64.4]).max() < 0.5


@pytest.mark.parametrize("name", CLASSES.names)
def test_every_class_has_its_pixels_and_their_light(scenes, name):
    share, streets, by_day, by_night = STATISTICS[name]
    masks = [labels == CLASSES.index(name) for _, _, labels in scenes]
    pixels = float(sum(mask.sum() for mask in masks))
    assert 100.0 * pixels / (40 * 96 * 144) == pytest.approx(share, abs=0.2)
    assert abs(sum(mask.any() for mask in masks) - streets) <= 1
    for domain, wanted in enumerate((by_day, by_night)):
        gray = sum(cv2.cvtColor(scene[domain], cv2.COLOR_BGR2GRAY)[mask].sum() for scene, mask in zip(scenes, masks))
        assert gray / pixels == pytest.approx(wanted, abs=1.0)


def test_no_pixel_is_void(scenes):
    assert all(labels.max() < len(CLASSES.names) for _, _, labels in scenes)


def test_road_lies_below_sky(scenes):
    rows = np.arange(96, dtype=float)[:, None] * np.ones((1, 144))
    for _, _, labels in scenes:
        assert rows[labels == CLASSES.index("road")].mean() > rows[labels == CLASSES.index("sky")].mean() + 20


def test_labels_lie_on_what_they_name():
    # An empty road by day: the sky is brighter than the road, and the fields are green.
    image, labels = render_scene(0, Size(192, 288), "day", 0.0)
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    sky, road = gray[labels == CLASSES.index("sky")], gray[labels == CLASSES.index("road")]
    assert np.percentile(sky, 5) > np.percentile(road, 75)
    grass = labels == CLASSES.index("vegetation")
    assert image[..., 1][grass].mean() > image[..., 2][grass].mean() + 10  # greener than red


def test_night_is_dark_and_low_in_contrast(scenes):
    for day, night, _ in scenes:
        assert night.mean() < 0.9 * day.mean()
    days, nights = (np.stack([scene[i] for scene in scenes]).astype(float) for i in (0, 1))
    assert nights.mean() < 0.6 * days.mean()
    assert np.mean([image.std() for image in nights]) < 0.8 * np.mean([image.std() for image in days])


@pytest.mark.parametrize("domain", DOMAINS)
def test_complexity_is_spread(scenes, domain):
    values = np.array([measure(scene[DOMAINS.index(domain)], SIZE) for scene in scenes])
    profile = fit_profile(values, SIZE, "streets", "sobel")
    p = [profile.p(value) for value in values]
    assert min(p) < 0.15 and max(p) > 0.85 and np.percentile(p, 75) - np.percentile(p, 25) > 0.3


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_crowded_street_is_more_complex_than_an_empty_one(domain):
    empty, crowded = ([measure(render_scene(seed, SIZE, domain, density)[0], SIZE) for seed in range(50, 58)]
                      for density in (0.0, 1.0))
    assert max(empty) < min(crowded)


def test_people_and_cars_come_with_density():
    crowd = [sum(np.isin(render_scene(seed, SIZE, "day", density)[1], (6, 7)).mean() for seed in range(60, 72))
             for density in (0.0, 0.5, 1.0)]
    assert crowd[0] < crowd[1] < crowd[2] and crowd[2] > 2 * crowd[0]


def test_a_plain_folder_is_written(tmp_path):
    events = []
    folder = str(tmp_path / "night")
    write_streets(folder, "night", 3, 2, Size(64, 96), 1, events.append)
    dataset = open_dataset(folder)
    assert dataset.layout == "folder" and dataset.classes == CLASSES
    assert {split: len(records) for split, records in dataset.splits.items()} == {"train": 3, "val": 2}
    assert events[-1] == Progress("draw", 5, 5)
    records = dataset.splits["train"] + dataset.splits["val"]
    labels = [cv2.imread(record.label, cv2.IMREAD_UNCHANGED) for record in records]
    assert all(label.shape == (64, 96) and label.dtype == np.uint8 and label.max() < 8 for label in labels)
    assert len({label.tobytes() for label in labels}) == 5  # no street is in both splits
    with pytest.raises(ConfigError):
        write_streets(folder, "night", 3, 2, Size(64, 96), 1)


def test_a_clip_drives_from_simple_to_complex(tmp_path):
    path = str(tmp_path / "drive.avi")
    write_clip(path, "day", 40, SIZE, 3)
    capture = cv2.VideoCapture(path)
    frames = []
    while True:
        read, frame = capture.read()
        if not read:
            break
        frames.append(frame)
    assert len(frames) == 40 and size_of(frames[0]) == SIZE
    assert abs(capture.get(cv2.CAP_PROP_FPS) - CLIP_FPS) < 0.1
    values = [measure(frame, SIZE) for frame in frames]
    assert max(values) > 1.3 * min(values)
    steps = [np.abs(one.astype(float) - other).mean() for one, other in zip(frames, frames[1:])]
    assert min(steps) > 0.3 and max(steps) < 40  # it moves, and does not jump


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ConfigError):
        render_scene(0, SIZE, "dawn")
    with pytest.raises(ConfigError):
        render_scene(-1, SIZE, "day")
    with pytest.raises(ConfigError):
        render_scene(0, Size(8, 8), "day")
