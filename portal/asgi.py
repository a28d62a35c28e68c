"""The ASGI entry: uploads and open logs first, then a limit for all other bodies, then Django.

Uploads are answered before Django, which would keep the whole body in a file before a
view could look at it; the streams of open logs, because it would keep a thread for each.
Both are named by strings, so that the portal imports no app above it.
"""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
django = get_asgi_application()

from django.utils.module_loading import import_string  # noqa: E402  (the apps must be loaded first)

from portal.body_limit import BodyLimit  # noqa: E402

application = import_string("frontend.asgi_logs.LiveLogs")(BodyLimit(django))
application = import_string("registry.asgi_uploads.Uploads")(application)
