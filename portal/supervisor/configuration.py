"""supervisord's configuration file, from the list of processes. Pure."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from portal.supervisor.processes import Process

GROUP = "modelport"
#: what supervisord would read as the end of a value: a new line or a comment
ENDS = re.compile(r"[\r\n]|\s[;#]")


def render(processes: list[Process], *, folder: Path, logs: Path, socket: Path, directory: Path) -> str:
    """The text of the configuration.

    `folder` holds supervisord's pid file, `logs` a rotated file a process, and `socket` is where it is spoken to.
    All processes stand in one group: supervisord stops a group's members together and groups one by one.
    """
    parts = [
        "[unix_http_server]",
        f"file={_plain(socket)}",
        "chmod=0700",
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={_plain(logs / 'supervisord.log')}",
        "logfile_maxbytes=2MB",
        "logfile_backups=2",
        f"pidfile={_plain(folder / 'supervisord.pid')}",
        f"childlogdir={_plain(logs)}",
        f"directory={_plain(directory)}",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        f"[group:{GROUP}]",
        f"programs={','.join(process.name for process in processes)}",
    ]
    for position, process in enumerate(processes):
        parts += [
            f"[program:{process.name}]",
            f"command={_plain(shlex.join(process.command))}",
            "environment=" + ",".join(f'{name}="{_plain(value)}"' for name, value in process.variables.items()),
            f"priority={position + 1}",
            "autostart=true",
            "autorestart=true",
            "startsecs=2",
            # The pause before each try grows by a second; what comes back after that is taken up by the watch.
            "startretries=10",
            f"stopsignal={process.stop_signal}",
            # The signal goes to the main process alone: Celery's warm shutdown hangs when its children get it too.
            "stopasgroup=false",
            "killasgroup=true",
            f"stopwaitsecs={process.stop_seconds}",
            "redirect_stderr=true",
            f"stdout_logfile={_plain(logs / f'{process.name}.log')}",
            "stdout_logfile_maxbytes=10MB",
            "stdout_logfile_backups=3",
        ]
    return "\n".join(parts) + "\n"


def _plain(value: object) -> str:
    """supervisord expands `%(name)s` in every value; a percent sign of ours stays one."""
    text = str(value)
    if ENDS.search(text):
        raise ValueError(f"{text!r} cannot stand in supervisord's configuration; choose a folder without ` #` and ` ;` in its path.")
    return text.replace("%", "%%")
