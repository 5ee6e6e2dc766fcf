import pytest


@pytest.fixture
def lay_chip(tmp_path):
    """Lay the files of one INA3221 under tmp_path: `lay_chip("0-0041/iio:device1", [("VDD_IN", 8000), ...])`."""

    def lay(folder, rails_mw):
        path = tmp_path / folder
        path.mkdir(parents=True)
        for index, (name, milliwatts) in enumerate(rails_mw):
            (path / ("rail_name_%d" % index)).write_text(name + "\n")
            (path / ("in_power%d_input" % index)).write_text("%d\n" % milliwatts)
        return path

    return lay
