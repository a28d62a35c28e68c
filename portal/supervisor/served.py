"""What the processes of the web server load: the application, in a process that ends with the server that started it.

Otherwise its workers would outlive a server that was killed, and hold its port against the next one.
"""

import signal

from portal.supervisor.web import end_with_parent

end_with_parent(signal.SIGKILL)

from portal.asgi import application  # noqa: E402  (nothing of it may run in a process that nobody would end)

__all__ = ["application"]
