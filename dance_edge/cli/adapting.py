"""adapt from its settings to its report: the calls that `adapt` and `demo` share."""
import os
import sys
from typing import Any, Callable, Dict

from dance_edge.cli.progress import Listener
from dance_edge.errors import DanceError
from dance_edge.events import Event, Note, OnEvent, Opened, Warned, ignore
from dance_edge.training.config import AdaptConfig


def run_adapt(config: AdaptConfig, listener: Listener, scalars: OnEvent = ignore) -> Dict[str, Any]:
    """Train, export, report; returns the report's facts. What an earlier start has made already is left as it is.

    `scalars` hears every event too, for figures that are wanted elsewhere.
    """
    from dance_edge import run as run_folder
    from dance_edge.cli.exporting import export_run
    from dance_edge.report.document import write_report
    from dance_edge.training.adapt import adapt

    def on_event(event: Event) -> None:
        if isinstance(event, Opened):
            listener.log_to(os.path.join(event.folder, "adapt.log"))
        else:
            listener(event)
        scalars(event)

    result = adapt(config, on_event)
    folder = result.folder
    with run_folder.lock(folder):
        state = run_folder.read_state(folder)
        if state["state"] in (run_folder.FINISHED, run_folder.DEPLOYABLE):
            on_event(Note("%s is finished: nothing to do (--fresh begins anew)" % folder))
            return dict(state["facts"], format=run_folder.FORMAT)
        export = export_run(folder, config.model, on_event)
        for why in export.why_not:
            on_event(Warned("not to be deployed: " + why))
        warnings = list(dict.fromkeys(list(result.facts.get("warnings", [])) + listener.warnings))
        facts = dict(result.facts, format=run_folder.FORMAT, warnings=warnings)
        write_report(folder, facts, state["manifest"], export.to_dict())
        run_folder.mark_latest(folder)  # before the last word: a run that says it is finished is left as it is
        state.update(state=run_folder.FINISHED, facts=facts, parity={"model.onnx": export.parity()})
        run_folder.write_state(folder, run_folder.judged(state))
    return facts


def follow_adapt(settings: Callable[[], AdaptConfig], dry_run: bool) -> None:
    """A rank's part of a run that rank 0 writes and speaks of; it ends with the exit code of an error, silently."""
    from dance_edge.training import adapt as training

    try:
        (training.dry_run if dry_run else training.adapt)(settings())
    except DanceError as error:
        sys.exit(error.exit_code)
