import os
import shutil

import pytest

SMALL_NETWORKS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "training")


@pytest.fixture(scope="module")
def quick_run(small_set, tmp_path_factory):
    """A finished run like `small_run`, of a network of seven layers that the catalogue has as `small` meanwhile: an
    export takes a tenth of the time. The folder's path; tests copy it."""
    from dance_edge.cli.main import run
    from dance_edge.models import catalog

    folder = tmp_path_factory.mktemp("quick")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SMALL_NETWORKS)
        import small_networks

        patch.setitem(catalog.MODELS, "small", catalog.Entry(small_networks.steady, ()))
        with pytest.MonkeyPatch.context() as there:
            there.chdir(str(folder))
            assert run(["-q", "adapt", "--model", "small", "--target", small_set, "--steps", "20", "--batch-size", "3",
                        "--stages", "2", "--pruning-ratio", "0.5", "--scope", "all",
                        "--out", "r"]) == 0
        yield str(folder / "r")
    shutil.rmtree(str(folder))
