import pytest

from dance_edge.energy.tx2_model import inference_fit, inference_reading, training_fit, training_reading


def test_inference_is_the_relative_least_squares_line_of_the_paper():
    fitted = inference_fit()
    assert fitted.constant_j == pytest.approx(3.74, abs=0.005)
    assert fitted.per_mac_j * 1e9 == pytest.approx(0.0524, abs=5e-5)
    assert fitted.median == pytest.approx(0.07, abs=0.005)
    assert fitted.worst == pytest.approx(0.24, abs=0.005)


def test_training_lies_within_the_papers_pairs():
    fitted = training_fit()
    assert fitted.constant_j == 0.0 and 0.16 < fitted.per_mac_j * 1e9 < 0.42
    assert fitted.worst == pytest.approx(0.52, abs=0.005)


def test_an_image_is_estimated_and_says_so():
    reading = inference_reading(100e9, 10, 2.0)
    assert reading.gross_j == pytest.approx(10 * (3.74 + 5.24), rel=1e-3)
    assert not reading.measured and reading.label == "estimated (TX2 model)"
    assert reading.low_j < reading.gross_j < reading.high_j and "leave-one-out" in reading.reason


def test_outside_of_what_was_fitted_is_said():
    assert "outside" in inference_reading(1e9, 1, 0.1).reason
    assert "outside" not in inference_reading(100e9, 1, 0.1).reason


def test_a_run_in_proportion_to_its_macs():
    one, two = training_reading(1e15, 60.0), training_reading(2e15, 60.0)
    assert two.gross_j == pytest.approx(2 * one.gross_j) and one.gross_j == pytest.approx(2.076e5, rel=1e-3)
    assert training_reading(0.0, 0.0).gross_j == 0.0
