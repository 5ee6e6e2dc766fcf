import pytest

from dance_edge.bench.training import of_run
from dance_edge.errors import DataError


def test_the_runs_own_report_is_read(run_folder):
    facts = of_run(str(run_folder)).to_dict()
    assert (facts["energy_j"], facts["energy_source"]) == (1234.5, "estimated (TX2 model)")
    assert (facts["images_seen"], facts["macs_p"], facts["duration_s"]) == (40, 0.005, 60.0)


def test_a_model_that_travels_alone_has_no_figures(tmp_path):
    for folder in (None, str(tmp_path)):
        facts = of_run(folder).to_dict()
        assert facts["energy_j"] is None and facts["images_seen"] is None
        assert facts["energy_source"].startswith("none (")


def test_a_damaged_report_is_named(run_folder):
    (run_folder / "report.json").write_text("[1, 2")
    with pytest.raises(DataError, match="report.json"):
        of_run(str(run_folder))
