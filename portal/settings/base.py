"""Every setting of the portal. The defaults run on one machine with no Docker, no broker and no database server.

What a person may choose comes from `MODELPORT_*` variables (docs/settings.md).
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from servestatic.compress import Compressor

from portal import env
from portal.broker import transport_options
from portal.storage_url import storages_of

ROOT = Path(__file__).resolve().parents[2]

# --- where everything is kept -------------------------------------------------------------------
DATA_DIR = env.folder("DATA", ROOT / "data")
STAGING_DIR, LOG_DIR, GATEWAY_DIR, OPERATION_DIR, BROKER_DIR = (
    DATA_DIR / name for name in ("staging", "logs", "gateway", "operations", "broker")
)
for _folder in (STAGING_DIR, LOG_DIR, GATEWAY_DIR, OPERATION_DIR, BROKER_DIR):
    _folder.mkdir(mode=0o700, exist_ok=True)

# --- addresses ----------------------------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.port("PORT", 8080)
GATEWAY_HOST = env.text("GATEWAY_HOST", HOST)
GATEWAY_PORT = env.port("GATEWAY_PORT", 8081)
OBSERVER_PORT = env.port("OBSERVER_PORT", 8082)
PORTAL_URL = env.url("URL", f"http://{'127.0.0.1' if HOST in ('0.0.0.0', '::') else HOST}:{PORT}")
GATEWAY_URL = env.url("GATEWAY_URL", f"http://{'127.0.0.1' if GATEWAY_HOST in ('0.0.0.0', '::') else GATEWAY_HOST}:{GATEWAY_PORT}")
WEB_WORKERS = env.number("WEB_WORKERS", 2, least=1, most=64)
#: what Prometheus sends to /metrics; without one, administrators alone may read it
METRICS_TOKEN = env.text("METRICS_TOKEN")
# Behind a proxy it listens here alone too, and is still everybody's: its address tells.
ON_LOOPBACK = {HOST, urlsplit(PORTAL_URL).hostname} <= {"127.0.0.1", "::1", "localhost"}
SECURE = PORTAL_URL.startswith("https://")

# --- security -----------------------------------------------------------------------------------
DEBUG = False
SECRET_KEY = env.secret_key(DATA_DIR)
ALLOWED_HOSTS = sorted({urlsplit(PORTAL_URL).hostname, "127.0.0.1", "localhost", "[::1]", *env.names("ALLOWED_HOSTS")})
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
# The __Host- prefix needs Secure, which plain http on a laptop cannot have.
SESSION_COOKIE_NAME = "__Host-modelport" if SECURE else "modelport"
CSRF_COOKIE_NAME = "__Host-modelport-csrf" if SECURE else "modelport-csrf"
CSRF_FAILURE_VIEW = "frontend.views.errors.csrf_failure"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_SSL_REDIRECT = False
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Whose address is counted by the limits of signing in and of open pages. Without it, all who come through a proxy are one.
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("TRUSTED_PROXIES", 0, most=10)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        # Tabler, CodeMirror and Swagger UI set style attributes (docs/architecture.md, Exceptions).
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

# --- applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "portal.accounts",
    "portal.apps.PortalConfig",
    "registry",
    "deployments",
    "frontend",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.usersessions",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_tables2",
    "django_htmx",
    "csp",
    # Both rewrite TEMPLATES when added by their default app, and the last wins; the simple ones leave it to us.
    "template_partials.apps.SimpleAppConfig",
    "django_cotton.apps.SimpleAppConfig",
]
MIDDLEWARE = [
    "portal.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.middleware.CompressMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.accounts.sessions.SeenMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.NoStoreMiddleware",
]
ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "frontend.context.portal",
            ],
            "loaders": [
                (
                    "template_partials.loader.Loader",
                    [
                        (
                            "django.template.loaders.cached.Loader",
                            [
                                "django_cotton.cotton_loader.Loader",
                                "django.template.loaders.filesystem.Loader",
                                "django.template.loaders.app_directories.Loader",
                            ],
                        )
                    ],
                )
            ],
            "builtins": [
                "django_cotton.templatetags.cotton",
                "template_partials.templatetags.partials",
                "django.templatetags.i18n",
            ],
        },
    }
]
COTTON_DIR = "components"

# --- database, cache, files ---------------------------------------------------------------------
_database_url = env.text("DATABASE_URL")
if _database_url:
    DATABASES = {"default": environ.Env.db_url_config(_database_url)}
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # For each process. The pool's own most, 4, is less than a worker's threads with their heartbeats need, and they would wait for each other.
        DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 16, "timeout": 30}
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": env.private_file(DATA_DIR / "db.sqlite3"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;PRAGMA busy_timeout=20000;",
            },
        }
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# In the database, because a cache in memory is one per process and rate limits would be multiplied.
CACHES = {
    # More rows than the usual 300, at which limits that still count would be thrown out with what is old.
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache", "OPTIONS": {"MAX_ENTRIES": 10_000}},
    # What each page shows and may be seconds old; a process that does not know it asks again.
    "moment": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "moment", "OPTIONS": {"MAX_ENTRIES": 2000}},
    # Whose visit this process has noted in the last minute.
    "seen": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "seen", "OPTIONS": {"MAX_ENTRIES": 10_000}},
}

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(DATA_DIR / "blobs")}},
    **storages_of(env.text("STORAGE_URL"), DATA_DIR),
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
# Source maps too are left as they are: they are large, only a developer's browser asks for them, and the first start waits.
SERVESTATIC_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
MAX_FILE_BYTES = env.number("MAX_FILE_BYTES", 20 * 2**30, least=1)
MAX_FILES = env.number("MAX_FILES", 10_000, least=1)
MAX_UPLOAD_BYTES = env.number("MAX_UPLOAD_BYTES", 100 * 2**30, least=1)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_FILES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4 * MAX_FILES
FILE_UPLOAD_TEMP_DIR = str(STAGING_DIR)

# --- people -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_USERNAME_MIN_LENGTH = 2
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ADAPTER = "portal.accounts.mfa_adapter.MFAAdapter"
MFA_TOTP_ISSUER = f"Modelport ({urlsplit(PORTAL_URL).hostname})"
# A phone's clock may be half a minute off.
MFA_TOTP_TOLERANCE = 1
# Administrators write the addresses down; nobody proves them.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_FORMS = {
    "authenticate": "portal.accounts.mfa_forms.AuthenticateForm",
    "reauthenticate": "portal.accounts.mfa_forms.ReauthenticateForm",
    "activate_totp": "portal.accounts.mfa_forms.ActivateTOTPForm",
    "add_webauthn": "portal.accounts.mfa_forms.AddWebAuthnForm",
    "edit_webauthn": "portal.accounts.mfa_forms.EditWebAuthnForm",
}
# smtp+tls://user:password@host:587; without it no mail is sent, and the pages offer none.
_email = env.mail("EMAIL_URL")
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
globals().update(_email)
SENDS_MAIL = bool(_email)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("EMAIL_FROM", f"modelport@{urlsplit(PORTAL_URL).hostname}")
#: seconds that a server may take to answer
EMAIL_TIMEOUT = 10

# --- words --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hant", "Traditional Chinese")]
LOCALE_PATHS = [ROOT / "locale"]
TIME_ZONE = "UTC"
USE_I18N = USE_TZ = True
DJANGO_TABLES2_TEMPLATE = "frontend/table.html"

# Pages that anyone may read, and the documents on them, for each address that asks.
OPEN_PAGE_RATE = "120/min"

# --- REST ---------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.SkipTokenPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.PortalSchema",
    "EXCEPTION_HANDLER": "portal.api.errors.handle",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Modelport",
    "DESCRIPTION": "Models, manifests, images, environments, services and operations. Everything the browser does, this API does too.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVERS": [{"url": PORTAL_URL}],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "APPEND_COMPONENTS": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A personal token, mpu_..."}}},
    "SECURITY": [{"token": []}],
    "ENUM_NAME_OVERRIDES": {
        "OperationState": "deployments.models.operations.Operation.State",
        "StepState": "deployments.models.operations.OperationStep.State",
        "RevisionState": "deployments.models.revisions.Revision.State",
        "ReplicaState": "deployments.models.replicas.Replica.State",
    },
}

# --- jobs ---------------------------------------------------------------------------------------
BROKER_URL = env.text("BROKER_URL", "fsq://folder")
CELERY_BROKER_URL = BROKER_URL
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(BROKER_URL, BROKER_DIR)
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_TIMEZONE = "UTC"

# --- engines: what an environment may name -------------------------------------------------------
DOCKER_HOST = env.text("DOCKER_HOST")
REGISTRY = env.text("REGISTRY")
OFFICIAL_PYTHON_IMAGE = "python:{python}-slim-bookworm"
BASE_IMAGES = {
    "python": env.text("BASE_IMAGE_PYTHON", OFFICIAL_PYTHON_IMAGE),
    "spark-py": env.text("BASE_IMAGE_SPARK", "modelport/spark-py:{python}"),
}
PYTHON_VERSIONS = env.names("PYTHON_VERSIONS") or ["3.11", "3.12", "3.13", "3.10", "3.9"]
BUILD_SETTINGS = {
    "index_url": env.text("INDEX_URL"),
    "extra_index_urls": env.urls("EXTRA_INDEX_URLS"),
    "ca_bundle": env.text("CA_BUNDLE"),
    "timeout": env.number("BUILD_TIMEOUT", 1800, least=10),
    "memory": env.number("BUILD_MEMORY_BYTES", 4 * 2**30, least=2**28),
}
# User code in child processes of this machine: for one person's laptop and for tests (docs/architecture.md).
ALLOW_PROCESS_TARGET = env.flag("ALLOW_PROCESS_TARGET")
#: where a new group's environment runs: auto looks for a Docker Engine at the first start
TARGET = env.text("TARGET", "auto")
#: on everything made in an engine, so that two portals can share one
INSTALLATION = env.installation(DATA_DIR)
TARGETS = {
    "docker": {
        "TARGET": "deployments.targets.docker.DockerTarget",
        "BUILDER": "deployments.builds.builders.docker.DockerBuilder",
        "TARGET_OPTIONS": {"base_url": DOCKER_HOST or None, "installation": INSTALLATION},
        "BUILDER_OPTIONS": {
            "base_images": BASE_IMAGES,
            "base_url": DOCKER_HOST or None,
            "registry": REGISTRY,
            "installation": INSTALLATION,
            **BUILD_SETTINGS,
        },
    },
    "process": {
        "TARGET": "deployments.targets.process.ProcessTarget",
        "BUILDER": "deployments.builds.builders.directory.DirectoryBuilder",
        "TARGET_OPTIONS": {"folder": str(DATA_DIR / "replicas")},
        "BUILDER_OPTIONS": {
            **{folder: str(DATA_DIR / folder) for folder in ("images", "environments", "wheels")},
            **BUILD_SETTINGS,
        },
    },
}
MAX_BODY_BYTES = env.number("MAX_BODY_BYTES", 10 * 2**20, least=1024)

# --- logs ---------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "portal.middleware.RequestIdFilter"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        "django.security.DisallowedHost": {"level": "ERROR"},
        "docker": {"level": "WARNING"},
        "urllib3": {"level": "WARNING"},
        "azure": {"level": "WARNING"},
        "botocore": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}
