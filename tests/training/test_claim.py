"""--fresh clears a folder of what a run left there, and of nothing else."""
import json

from dance_edge.training.claim import clear

FILES = ("model.pt", "model.onnx", "source.pt", "source.onnx", "adapt.log", "energy.csv", "scalars.csv",
         "report.json", "report.md", "report.html", "curves.png", "pruned.png")


def test_all_that_a_run_left_goes_and_a_users_own_files_stay(tmp_path):
    for name in FILES + ("run.json", "notes.txt", "mine.png"):
        (tmp_path / name).write_text("x")
    for name in ("checkpoints", "engines", "tensorboard", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one").write_text("x")
    clear(str(tmp_path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["mine", "mine.png", "notes.txt", "run.json"]
    assert json.loads((tmp_path / "run.json").read_text()) == {"format": 1}  # empty, until the new run writes its own
