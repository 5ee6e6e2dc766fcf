"""Meter a fake TX2 through a real jtop service. Started by conftest.py, in a mount namespace of its own, as root:

    unshare -m -p --fork --kill-child --mount-proc --propagation private PYTHON inside.py SCENARIO ARGUMENTS RESULT.json

SCENARIO is one of the functions in SCENARIOS, ARGUMENTS its keywords as JSON; the result holds what it returns.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import board

from dance_edge.energy.jtop import JtopSensor
from dance_edge.energy.meter import EnergyMeter
from dance_edge.energy.sensors import metered, open_sensor
from dance_edge.errors import DeviceError
from dance_edge.events import Warned

HERE = os.path.dirname(os.path.abspath(__file__))
SOCKET = "/run/jtop.sock"
LOG = "/run/server.log"
NOBODY = 65534
PATIENCE_S = 60.0
JOB_PATIENCE_S = 180.0  # to where a job is to lose its service


class Service:
    """A real jtop service from entering to leaving, or until it is killed. `version` is what it says of itself."""

    def __init__(self, version=None):
        log = open(LOG, "a")
        self._process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "server.py")] + ([version] if version else []), stdout=log, stderr=log,
            env=dict(os.environ, JTOP_TESTING="true"), start_new_session=True)
        log.close()
        wait_for(lambda: os.path.exists(SOCKET) or self._process.poll() is not None, "the service's start")
        if self._process.poll() is not None:
            raise SystemExit("the service did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.kill()

    def kill(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.unlink(SOCKET)


def wait_for(condition, what, patience_s=PATIENCE_S):
    late_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > late_s:
            raise SystemExit("waited for %s in vain" % what)
        time.sleep(0.05)


def refusal(kind="jtop"):
    """The error's message and hint; empty where the sensor opens."""
    try:
        sensor = open_sensor(kind)
    except DeviceError as error:
        return [error.message, error.hint]
    sensor.close()
    return []


def notes_of_auto():
    """What `--power auto` says, whichever sensor it finds instead."""
    notes = []
    sensor = open_sensor("auto", on_event=lambda event: notes.append(event.text))
    if sensor is not None:
        sensor.close()
    return notes


def as_nobody(question):
    """The answer of a process that is another user's and in none of our groups. It is forked from this one: another
    user may not be able to start this Python, which may lie in root's home."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            answer = question()
        except BaseException as error:
            answer = repr(error)
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answered:
        answer = json.load(answered)
    os.waitpid(child, 0)
    return answer


def truth_and(window, meter, schedule):
    reading = window.reading()
    return {"exact_j": schedule.exact_joules(window.start_s, window.end_s), "reading": reading.to_dict(),
            "sample_s": meter.refresh_s}


def first_look(interval_s):
    """A few seconds, clients that join a running service, and no service before and after."""
    result = {"without_service": refusal()}
    with board.Schedule([(4.0, 1.0), (10.0, 1.0)]) as schedule:
        with Service():
            sensor = JtopSensor(interval_s)
            late = JtopSensor(interval_s / 2.0)  # asks for a shorter period than the service now has
            result.update(scope=sensor.scope, late_interval_s=late.interval_s, late_w=late.read().rails_w["VDD_IN"])
            late.close()
            with EnergyMeter(sensor, interval_s) as meter:
                time.sleep(0.5)
                with meter.window("all") as window:
                    time.sleep(4.0)
                result.update(truth_and(window, meter, schedule))
        with EnergyMeter(sensor, interval_s) as meter, meter.window("without") as window:
            time.sleep(1.0)
    result["after"] = window.reading().to_dict()
    return result


def window(interval_s, seconds, steps):
    """A window of `seconds` while VDD_IN goes by `steps`."""
    with Service(), board.Schedule(steps) as schedule, metered("jtop", interval_s) as meter:
        with meter.window("all") as window:
            time.sleep(seconds)
        return truth_and(window, meter, schedule)


def refusals():
    """What is said where there is no service, no permission, another version; and where all is well."""
    result = {"no service": [refusal(), notes_of_auto()]}
    with Service():
        result["well"] = [refusal(), notes_of_auto()]
        result["no permission"] = as_nobody(lambda: [refusal(), notes_of_auto()])
    with Service("1.2.3"):
        result["another version"] = [refusal(), notes_of_auto()]
    return result


def restart(interval_s, seconds, steps, times):
    """The service is killed and comes back so many times in a window, with `seconds` before, between and behind."""
    heard, while_away = [], []
    service = Service()
    with board.Schedule(steps) as schedule, metered("jtop", interval_s, heard.append) as meter:
        with meter.window("all") as window:
            time.sleep(seconds)
            for _ in range(times):
                service.kill()
                wait_for(lambda: meter.failure, "the meter to notice")
                time.sleep(1.0)
                while_away.append(meter.failure)
                service = Service()
                wait_for(lambda: not meter.failure, "the meter to be back after: " + meter.failure)
                time.sleep(seconds)
        result = truth_and(window, meter, schedule)
    service.kill()
    return dict(result, warnings=[event.text for event in heard if isinstance(event, Warned)], while_away=while_away)


def command(words, log, until):
    """Any command, whose service is killed once the file `log` holds the text `until`."""
    def there():
        return os.path.exists(log) and until in open(log).read()

    with board.Schedule([(4.0, 3.0), (10.0, 2.0)]), Service() as service:
        job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        wait_for(lambda: there() or job.poll() is not None, "%r in %s" % (until, log), JOB_PATIENCE_S)
        killed_under_way = job.poll() is None
        service.kill()
        said = job.communicate()[0]
    return {"code": job.returncode, "said": said, "killed_under_way": killed_under_way}


SCENARIOS = {one.__name__: one for one in (first_look, window, refusals, restart, command)}


def prepare():
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    subprocess.check_call(["mount", "-t", "tmpfs", "tmpfs", board.ROOT])
    shutil.copy("/etc/group", "/run/group")
    with open("/run/group", "a") as file:
        file.write("jtop:x:987:\n")
    subprocess.check_call(["mount", "--bind", "/run/group", "/etc/group"])
    os.environ["XDG_CONFIG_HOME"] = "/run/config"  # this machine's own calibration is not the fake board's
    board.lay()


def main(scenario, arguments, result_path):
    prepare()
    try:
        result = SCENARIOS[scenario](**json.loads(arguments))
    except BaseException:
        if os.path.exists(LOG):
            sys.stderr.write(open(LOG).read()[-4000:])
        raise
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
