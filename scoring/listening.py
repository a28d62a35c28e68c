"""The address that a replica is reached at: a port or a socket file, held by all its processes."""

from __future__ import annotations

import os
import socket
import stat
from typing import Optional, Union

#: connections that the system holds until a process takes them
BACKLOG = 1024
#: a descriptor that is listening already: a process that starts itself again keeps its address
INHERITED = "MODELPORT_LISTEN_FD"


class Listener:
    """Bound and listening. `listen` is (host, port) or a socket path. OSError when it cannot be had."""

    def __init__(self, listen: Union[tuple, str]):
        self.path = listen if isinstance(listen, str) else ""
        #: we are the process that bound it
        self.owned = True
        held = os.environ.pop(INHERITED, "")
        self.sock = socket.socket(fileno=int(held)) if held else self._bound(listen)
        self.sock.set_inheritable(False)
        self._inode = os.stat(self.path).st_ino if self.path else 0
        self.sock.listen(BACKLOG)
        self.sock.setblocking(False)

    def _bound(self, listen: Union[tuple, str]) -> socket.socket:
        if isinstance(listen, str):
            if os.path.exists(listen) and stat.S_ISSOCK(os.stat(listen).st_mode):
                os.unlink(listen)  # left over from a replica that was killed
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(listen)
            os.chmod(listen, 0o666)  # the folder decides who reaches it; the secret who is answered
            return sock
        host, port = listen
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        return sock

    @property
    def address(self) -> str:
        if self.path:
            return self.path
        host, port = self.sock.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def take(self) -> Optional[socket.socket]:
        """A connection that waits, or None when another process was quicker. Raises OSError when none can be had now."""
        try:
            return self.sock.accept()[0]
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return None

    def close(self) -> None:
        """Nobody reaches us any more. The socket file goes, unless another replica has put its own there."""
        self.sock.close()
        if self.owned and self.path and os.path.exists(self.path) and os.stat(self.path).st_ino == self._inode:
            os.unlink(self.path)
