"""The settings of the test run: base, with fast hashing and a data folder of its own.

Tests change speed, never meaning: the same storage, broker and engines are used.
"""

import os
import tempfile

os.environ.setdefault("MODELPORT_DATA", tempfile.mkdtemp(prefix="modelport-test-"))
os.environ.setdefault("MODELPORT_ALLOW_PROCESS_TARGET", "yes")

from portal.settings.base import *  # noqa: E402, F403
from portal.settings.base import STORAGES  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
ALLOWED_HOSTS = ["*"]
SERVESTATIC_AUTOREFRESH = True
ACCOUNT_RATE_LIMITS = False
