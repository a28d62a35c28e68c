"""The settings of the test run: base, with fast hashing and a data folder of its own.

Tests change speed, never meaning: the same storage, broker and engines are used.
"""

import os
import tempfile

_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if "MODELPORT_DATA" not in os.environ or (_worker and _worker not in os.environ["MODELPORT_DATA"]):
    # Each of several test processes has its own: they are started with the first one's environment.
    os.environ["MODELPORT_DATA"] = tempfile.mkdtemp(prefix=f"modelport-test-{_worker}")
os.environ.setdefault("MODELPORT_ALLOW_PROCESS_TARGET", "yes")

from portal.settings.base import *  # noqa: E402, F403
from portal.settings.base import DATA_DIR, DATABASES, STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "moment": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "moment"},
    "seen": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "seen"},
}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
ALLOWED_HOSTS = ["*"]
SERVESTATIC_AUTOREFRESH = True
ACCOUNT_RATE_LIMITS = False
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: the database in memory that Django would use has no WAL and does not wait for a lock.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
