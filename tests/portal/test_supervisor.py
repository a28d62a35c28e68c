"""Starting and watching processes, with the real supervisord and real small programs."""

from __future__ import annotations

import configparser
import http.client
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from portal.supervisor import daemon as daemons
from portal.supervisor.configuration import render
from portal.supervisor.daemon import Daemon, end_leftovers, tail
from portal.supervisor.preflight import CannotStart, check_disk, check_ports, free_port, only_one, port_fault, running_pid
from portal.supervisor.processes import Process, processes
from portal.supervisor.watch import Notices

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)")


def wait_for(what, seconds: float = 20):
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, f"waited {seconds} seconds"
        time.sleep(0.05)
    return found


@pytest.fixture
def data(settings, tmp_path) -> Path:
    settings.DATA_DIR, settings.LOG_DIR = tmp_path, tmp_path / "logs"
    for folder in (tmp_path / "logs", tmp_path / "run"):
        folder.mkdir()
    return tmp_path


@pytest.fixture
def run(data):
    """Starts a Daemon over the given processes; whatever it started is gone afterwards."""
    started = []

    def start(*processes: Process) -> Daemon:
        daemon = Daemon(list(processes))
        started.append(daemon)
        daemon.start()
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


def running(daemon: Daemon, name: str) -> dict | None:
    row = daemon.observe()[name]
    return row if row["statename"] == "RUNNING" else None


# --- what is started --------------------------------------------------------------------------------


def test_every_process_of_the_portal_is_there_and_listens_where_the_settings_say(settings):
    found = {process.name: process for process in processes()}
    assert list(found) == ["gateway", "web", "worker-build", "worker-rollout", "worker-housekeeping", "beat", "observer"]
    assert found["web"].command[found["web"].command.index("--port") + 1] == str(settings.PORT)
    assert "asginl" in found["web"].command
    for queue in ("build", "rollout", "housekeeping"):
        worker = found[f"worker-{queue}"]
        assert worker.command[worker.command.index("-Q") + 1] == queue


def test_the_configuration_survives_spaces_and_percent_signs(tmp_path):
    folder = tmp_path / "100% odd folder"
    text = render(
        [Process("web", ("/bin/a b", "50%"), variables={"KEPT": "1"})], folder=folder, logs=folder, socket=folder / "s", directory=folder
    )
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser["program:web"]["command"] == "'/bin/a b' 50%%"
    assert parser["program:web"]["environment"] == 'KEPT="1"'
    assert parser["supervisord"]["pidfile"] == f"{folder}/supervisord.pid".replace("%", "%%")


def test_a_folder_that_the_configuration_cannot_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="choose a folder without"):
        render([], folder=tmp_path / "a #comment", logs=tmp_path, socket=tmp_path / "s", directory=tmp_path)


def test_processes_start_where_the_portal_is_and_leave_a_log(run, data, settings):
    say = (sys.executable, "-c", "import os, time; print('in', os.getcwd(), '100%', flush=True); time.sleep(300)")
    daemon = run(Process("one", say))
    assert wait_for(lambda: running(daemon, "one"))["pid"]
    wait_for(lambda: tail(data / "logs" / "one.log") == f"in {settings.ROOT} 100%")


def test_a_killed_process_comes_back_and_is_announced_once(run, data):
    daemon = run(Process("one", SLEEP), Process("two", SLEEP))
    before = wait_for(lambda: running(daemon, "one") and running(daemon, "two"))
    wait_for(lambda: tail(data / "logs" / "one.log") == "up")
    notices = Notices(daemon.observe())
    assert notices.compare(daemon.observe()) == []
    first = daemon.observe()["one"]["pid"]
    os.kill(first, signal.SIGKILL)
    said = wait_for(lambda: notices.compare(daemon.observe()))
    assert len(said) == 1
    assert said[0].startswith("one ended (terminated by SIGKILL) and is started again.")
    assert said[0].endswith(": up")
    assert wait_for(lambda: notices.compare(daemon.observe())) == ["one is running again."]
    assert running(daemon, "one")["pid"] != first
    assert running(daemon, "two")["pid"] == before["pid"]


def test_a_full_disk_loses_lines_and_no_process(run, data, settings):
    for name in ("one.log", "supervisord.log", "supervisord.out"):
        (settings.LOG_DIR / name).symlink_to("/dev/full")
    chatty = (sys.executable, "-c", "import time; [(print('x' * 5000, flush=True), time.sleep(0.01)) for _ in iter(int, 1)]")
    daemon = run(Process("one", chatty), Process("two", SLEEP))
    before = wait_for(lambda: running(daemon, "one") and running(daemon, "two"))
    os.kill(before["pid"], signal.SIGKILL)
    assert wait_for(lambda: (again := running(daemon, "two")) and again["pid"] != before["pid"]), "and the supervisor still cares"
    assert running(daemon, "one")


def test_a_process_that_cannot_start_is_told_with_its_words(run, data):
    daemon = run(Process("broken", (sys.executable, "-c", "raise SystemExit('the port is made of cheese')")))
    wait_for(lambda: daemon.observe()["broken"]["statename"] == "BACKOFF")
    wait_for(lambda: tail(data / "logs" / "broken.log") == "the port is made of cheese")


def test_stopping_ends_everything_together(run):
    slow = (
        sys.executable,
        "-c",
        "import signal, time; signal.signal(15, lambda *a: (time.sleep(1.5), exit(0))); print('up', flush=True); time.sleep(300)",
    )
    daemon = run(*(Process(f"slow-{number}", slow) for number in range(8)))
    wait_for(lambda: all(row["statename"] == "RUNNING" for row in daemon.observe().values()))
    pids = [row["pid"] for row in daemon.observe().values()]
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 9, "one after another would take twelve seconds"
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_processes_of_a_killed_supervisor_are_ended_by_the_next_start(run, data):
    daemon = run(Process("one", SLEEP))
    wait_for(lambda: running(daemon, "one"))
    pid = daemon.observe()["one"]["pid"]
    daemon.child.kill()
    daemon.child.wait()
    daemon.child = None
    assert psutil.pid_exists(pid)
    with pytest.raises(CannotStart, match="supervisor is gone"):
        daemon.observe()
    end_leftovers(data / "run")
    wait_for(lambda: not psutil.pid_exists(pid))


def test_a_process_that_only_has_the_number_of_a_leftover_is_let_live(data):
    stranger = subprocess.Popen(SLEEP, stdout=subprocess.DEVNULL)
    try:
        (data / "run" / "processes.json").write_text(f"[[{stranger.pid}, 12345.0]]")
        end_leftovers(data / "run")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_everything_ends_with_whoever_started_it(data, settings):
    """A start that is killed outright leaves nothing behind."""
    script = textwrap.dedent(f"""
        import django, time
        from django.conf import settings
        from pathlib import Path
        django.setup()
        settings.DATA_DIR, settings.LOG_DIR = Path({str(data)!r}), Path({str(data / "logs")!r})
        from portal.supervisor.daemon import Daemon
        from portal.supervisor.processes import Process
        daemon = Daemon([Process("one", {SLEEP!r})])
        daemon.start()
        while not daemon.observe()["one"]["pid"]: time.sleep(0.05)
        print(daemon.child.pid, daemon.observe()["one"]["pid"], flush=True)
        time.sleep(300)
    """)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings.test"}
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=settings.ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    pids = [int(word) for word in starter.stdout.readline().split()]
    assert len(pids) == 2
    starter.kill()
    starter.wait()
    starter.stdout.close()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def test_workers_of_a_killed_web_server_end_with_it(run, data, settings):
    """They would hold its port against the next start."""
    settings.PORT, settings.WEB_WORKERS = free_port("127.0.0.1", 20_000), 1
    web = next(process for process in processes() if process.name == "web")
    daemon = run(web)
    server = psutil.Process(wait_for(lambda: running(daemon, "web"))["pid"])
    workers = wait_for(lambda: answers(settings.PORT) and server.children(recursive=True))
    server.kill()
    wait_for(lambda: not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers))


def answers(port: int) -> bool:
    """Not only listens: the worker has loaded the application."""
    try:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        asked.request("GET", "/healthz")
        return asked.getresponse().status > 0
    except OSError:
        return False


def test_a_data_folder_with_a_long_path_still_gets_a_socket(tmp_path, monkeypatch):
    folder = tmp_path / ("deep" * 30)
    path = daemons._socket_path(folder)
    assert len(os.fsencode(path)) < 100
    assert path == daemons._socket_path(folder) != daemons._socket_path(tmp_path / ("deeper" * 30))
    assert path.parent.stat().st_mode & 0o077 == 0
    path.parent.rmdir()


# --- what is looked at before -----------------------------------------------------------------------


@pytest.fixture
def taken():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("name", ["PORT", "GATEWAY_PORT", "OBSERVER_PORT"])
def test_a_taken_port_is_said_by_its_setting_with_one_that_is_free(settings, taken, name):
    settings.PORT, settings.GATEWAY_PORT, settings.OBSERVER_PORT = (free_port("127.0.0.1", start) for start in (20100, 20200, 20300))
    settings.HOST = settings.GATEWAY_HOST = "127.0.0.1"
    check_ports()
    setattr(settings, name, taken)
    with pytest.raises(CannotStart) as refused:
        check_ports()
    sentence = str(refused.value)
    assert sentence.startswith(f"MODELPORT_{name} {taken} is taken by another program; choose another: make run MODELPORT_{name}=")
    assert port_fault("127.0.0.1", int(sentence.rpartition("=")[2])) == 0


def test_two_settings_with_one_port_are_told_apart(settings):
    settings.HOST = settings.GATEWAY_HOST = "127.0.0.1"
    settings.PORT = settings.GATEWAY_PORT = free_port("127.0.0.1", 20400)
    with pytest.raises(CannotStart, match=r"MODELPORT_GATEWAY_PORT and MODELPORT_PORT are both \d+"):
        check_ports()


def test_a_full_disk_is_said_before_anything_starts(data, monkeypatch):
    monkeypatch.setattr("portal.supervisor.preflight.LEAST_FREE_BYTES", 2**60)
    with pytest.raises(CannotStart, match="MODELPORT_DATA"):
        check_disk()


def test_a_second_portal_on_the_same_folder_is_refused_and_told_how_to_stop_the_first(data):
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl, time; f = open({str(data / 'run' / 'start.lock')!r}, 'w'); fcntl.flock(f, 2); f.write('4711'); f.flush(); print('held', flush=True); time.sleep(60)",
        ],
        stdout=subprocess.PIPE,
    )
    try:
        holder.stdout.readline()
        assert running_pid() == 4711
        with pytest.raises(CannotStart, match=r"already running .*\(process 4711\).*make stop"), only_one():
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert running_pid() is None
    with only_one():
        pass
