"""What is larger than any request needs is refused before it is kept or parsed, from anybody."""

from __future__ import annotations

import asyncio
import json

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings

from portal.accounts.actions import issue_token
from portal.body_limit import MOST_BYTES

MIB = 2**20
FORM = {"content-type": "multipart/form-data; boundary=x"}


async def ask(headers: dict[str, str], chunks: int) -> tuple[int, dict]:
    """POST of so many MiB in chunks; (status, body)."""
    from portal.asgi import application

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/api/v1/tokens/", "raw_path": b"/api/v1/tokens/",
        "root_path": "", "scheme": "http", "query_string": b"", "server": ("localhost", 80), "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in {"host": "localhost", **headers}.items()],
    }  # fmt: skip
    portal = ApplicationCommunicator(application, scope)
    for number in range(chunks):
        await portal.send_input({"type": "http.request", "body": b" " * MIB, "more_body": number + 1 < chunks})
    start, body = await portal.receive_output(20), b""
    while True:
        part = await portal.receive_output(20)
        body += part["body"]
        if not part.get("more_body"):
            break
    return start["status"], json.loads(body)


@pytest.mark.parametrize(
    ("headers", "chunks"),
    [
        ({"content-type": "application/json"}, MOST_BYTES // MIB + 1),
        ({"content-type": "application/json", "authorization": "Bearer mpu_x"}, MOST_BYTES // MIB + 1),
        ({"content-type": "application/json", "content-length": str(MOST_BYTES + 1)}, 0),
        ({"content-type": "multipart/form-data; boundary=x", "content-length": "9" * 30}, 0),
        (FORM | {"cookie": f"{settings.SESSION_COOKIE_NAME}=made-up"}, MOST_BYTES // MIB + 1),
        (FORM | {"authorization": "Bearer mpu_x"}, MOST_BYTES // MIB + 1),
    ],
    ids=["chunked", "with a token", "announced", "form of a stranger", "a made-up session", "a made-up token"],
)
@pytest.mark.django_db(transaction=True)
def test_a_body_that_is_too_large_is_refused_unread(headers, chunks):
    status, said = asyncio.run(ask(headers, chunks))
    assert (status, said["code"]) == (413, "TooLarge") and len(said["requestId"]) == 32


@pytest.mark.django_db(transaction=True)
def test_what_is_not_too_large_comes_through():
    status, said = asyncio.run(ask({"content-type": "application/json", "authorization": "Bearer mpu_x"}, 2))
    assert (status, said["code"]) == (401, "Unauthenticated")


@pytest.mark.django_db(transaction=True)
def test_a_form_of_somebody_with_an_account_may_be_large(make_user):
    _, value = issue_token(user=make_user(), name="test")
    status, said = asyncio.run(ask(FORM | {"authorization": f"Bearer {value}"}, MOST_BYTES // MIB + 1))
    # Read to its end, and only then found to hold nothing.
    assert (status, said["message"]) == (400, "name: This field is required.")
