"""`MODELPORT_STORAGE_URL` -> what Django's STORAGES says of blobs and collected data.

    file:///srv/models
    s3://[key:secret@]bucket[/prefix][?endpoint=https://...&region=...&addressing=path]
    azure://account:key@container[/prefix][?endpoint=https://...]

Parts with special characters are percent-encoded. S3 credentials that are left out are looked for where boto3 looks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

#: seconds until a connection is given up, and until an answer is
CONNECT, READ = 5, 60
#: a file that is read is kept in memory up to this size, and on disk beyond
IN_MEMORY = 8 * 2**20
FORMS = "file:///folder, s3://bucket/prefix or azure://account:key@container/prefix"


def storages_of(url: str, data: Path) -> dict[str, dict[str, Any]]:
    """The entries `blobs` and `collected`. Raises ImproperlyConfigured that says which part is wrong, never with the secret."""
    parts = urlsplit(url)
    try:
        if parts.scheme in ("", "file"):
            return _disk(_folder(parts) if url else data)
        if parts.scheme == "s3":
            return _s3(parts)
        if parts.scheme == "azure":
            return _azure(parts)
    except ValueError as error:
        raise _refuse(str(error)) from None
    raise _refuse(f"{parts.scheme} is not known")


def _refuse(what: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"MODELPORT_STORAGE_URL cannot be used: {what}. Expected {FORMS}.")


def _folder(parts: SplitResult) -> Path:
    if parts.netloc or not parts.path.startswith("/"):
        raise ValueError("a folder is written with three slashes and its whole path")
    return Path(unquote(parts.path))


def _disk(folder: Path) -> dict[str, dict[str, Any]]:
    return {
        "blobs": {
            "BACKEND": "registry.storage.LocalBlobStorage",
            "OPTIONS": {"location": str(folder / "blobs"), "file_permissions_mode": 0o440},
        },
        "collected": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(folder / "collected"), "file_permissions_mode": 0o600, "directory_permissions_mode": 0o700},
        },
    }


def _options(parts: SplitResult, known: set[str]) -> dict[str, str]:
    found = parse_qs(parts.query, strict_parsing=bool(parts.query))
    unknown = sorted(set(found) - known)
    if unknown:
        raise ValueError(f"{unknown[0]} is not one of its options ({', '.join(sorted(known))})")
    return {name: values[-1] for name, values in found.items()}


def _each(backend: str, prefix: str, options: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Two folders of one place."""
    where = unquote(prefix).strip("/")
    return {
        name: {"BACKEND": backend, "OPTIONS": {**options, "location": f"{where}/{name}".strip("/"), "max_memory_size": IN_MEMORY}}
        for name in ("blobs", "collected")
    }


def _s3(parts: SplitResult) -> dict[str, dict[str, Any]]:
    from botocore.config import Config

    asked = _options(parts, {"endpoint", "region", "addressing"})
    bucket = parts.netloc.rpartition("@")[2]
    if not bucket or ":" in bucket:
        raise ValueError("it names no bucket; the server's address goes into ?endpoint=")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("give key and secret, or neither")
    if asked.get("addressing", "auto") not in ("auto", "path", "virtual"):
        raise ValueError("addressing is path, virtual or auto")
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "default_acl": None,
        "file_overwrite": True,
        "client_config": Config(
            signature_version="s3v4",
            s3={"addressing_style": asked.get("addressing", "auto")},
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"max_attempts": 3, "mode": "standard"},
        ),
    }
    if parts.username:
        options |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
    options |= {option: asked[name] for name, option in (("endpoint", "endpoint_url"), ("region", "region_name")) if name in asked}
    return _each("storages.backends.s3.S3Storage", parts.path, options)


def _azure(parts: SplitResult) -> dict[str, dict[str, Any]]:
    asked = _options(parts, {"endpoint"})
    container = parts.netloc.rpartition("@")[2]
    account, key = unquote(parts.username or ""), unquote(parts.password or "")
    if not account or not key or not container:
        raise ValueError("it names no account, key or container")
    endpoint = asked.get("endpoint", f"https://{account}.blob.core.windows.net").rstrip("/")
    protocol = urlsplit(endpoint).scheme
    if protocol not in ("http", "https"):
        raise ValueError("endpoint is an http or https address")
    connection = f"DefaultEndpointsProtocol={protocol};AccountName={account};AccountKey={key};BlobEndpoint={endpoint};"
    options = {
        "connection_string": connection,
        "account_name": account,
        "azure_container": container,
        "overwrite_files": True,
        "timeout": READ,
    }
    return _each("storages.backends.azure_storage.AzureStorage", parts.path, options)
