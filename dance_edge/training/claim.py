"""Which run folder an adaptation writes to: a new one, or one that was begun before."""
import os
import shutil
from typing import Any, Dict, List, Tuple

from dance_edge import run as run_folder
from dance_edge.errors import ConfigError
from dance_edge.events import Note, OnEvent
from dance_edge.training.config import AdaptConfig, changed_settings, config_from_dict

_OURS = ("checkpoints", "engines", "tensorboard")
_OUR_FILES = ("model.pt", "model.onnx", "source.pt", "source.onnx", "adapt.log", "energy.csv", "scalars.csv",
              "report.json", "report.md", "report.html", "curves.png", "pruned.png")


def claim(config: AdaptConfig, on_event: OnEvent) -> Tuple[str, Dict[str, Any]]:
    """The folder to write and run.json of what was done there before ({} for a new run). Creates nothing.

    Without --out the newest unfinished run of the same settings is taken up. `ConfigError` where the folder holds a
    run of other settings, or other things.
    """
    if config.out:
        return config.out, _earlier(config)
    unfinished = [] if config.fresh else _unfinished(config)
    if unfinished:
        _number, folder, state = max(unfinished, key=lambda one: one[0])
        on_event(Note("going on with %s, which has the same settings (--fresh begins anew)" % folder))
        return folder, state
    return run_folder.new_folder(config.target), {}


def clear(folder: str) -> None:
    """Remove what a run left in `folder`, and nothing else; run.json stays, empty, until the new run writes its own.

    Whoever finds it empty knows that this was cut short, and does it again.
    """
    if os.path.exists(os.path.join(folder, "run.json")):
        run_folder.write_state(folder, {})
    for name in _OURS:
        shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    for name in _OUR_FILES:
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))


def _earlier(config: AdaptConfig) -> Dict[str, Any]:
    if os.path.exists(config.out) and not os.path.isdir(config.out):
        raise ConfigError("--out %s is a file" % config.out, "give a folder")
    state = run_folder.read_state(config.out) if os.path.isdir(config.out) else {}
    if config.fresh or "config" not in state:  # without it, a start was killed while it cleared the folder
        if not state and os.path.isdir(config.out) and not run_folder.hardly_begun(config.out):
            raise ConfigError("--out %s holds other things than a run" % config.out, "give a new or an empty folder")
        return {}
    changed = changed_settings(config_from_dict(state["config"]), config)
    if changed:
        raise ConfigError("%s was begun with other settings: %s" % (config.out, "; ".join(changed)),
                          "give the same settings to go on, --fresh to begin anew, or another --out")
    return state


def _unfinished(config: AdaptConfig) -> List[Tuple[int, str, Dict[str, Any]]]:
    found: List[Tuple[int, str, Dict[str, Any]]] = []
    for folder in run_folder.run_folders():
        state = run_folder.read_state(folder)
        if state.get("state") in (run_folder.RUNNING, run_folder.INTERRUPTED) and "config" in state:
            before = config_from_dict(state["config"])
            if not changed_settings(before, config):
                found.append((int(state.get("number", 0)), folder, state))
    return found


def stored_config(config: AdaptConfig) -> Dict[str, Any]:
    """The settings as run.json keeps them: `--fresh` is a wish for this start alone."""
    return dict(config.to_dict(), fresh=False)
