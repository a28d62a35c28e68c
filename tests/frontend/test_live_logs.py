"""Open logs: as they are written, to several watchers who read at their own pace, and only to who may see them."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import AsyncClient
from django.utils import timezone

from deployments.models import OperationStep
from frontend.asgi_logs import LiveLogs
from frontend.logs import tail as tails
from frontend.logs.tail import Place, Tail, read

pytestmark = pytest.mark.django_db(transaction=True)


async def passed_on(scope, receive, send):
    """Stands for Django behind the streams."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Watcher:
    """One connection to the application that the portal starts."""

    def __init__(self, user, operation, after: str = "0:0", last: str = "") -> None:
        self.user, self.path, self.after, self.last, self.text = user, f"/g/demo/operations/{operation.pk}/stream", after, last, b""

    async def open(self) -> int:
        client = AsyncClient()
        if self.user:
            await client.aforce_login(self.user)
        cookie = "; ".join(f"{name}={value.value}" for name, value in client.cookies.items())
        headers = [(b"host", b"localhost"), (b"cookie", cookie.encode()), (b"last-event-id", self.last.encode())]
        scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": self.path, "headers": headers, "scheme": "http"}
        self.talk = ApplicationCommunicator(LiveLogs(passed_on), scope | {"query_string": f"after={self.after}".encode()})
        await self.talk.send_input({"type": "http.request", "body": b"", "more_body": False})
        answer = await self.talk.receive_output(5)
        self.headers = {key.decode(): value.decode() for key, value in answer["headers"]}
        return answer["status"]

    async def until(self, end: bytes) -> None:
        while not self.text.endswith(b"\n\n") or end not in self.text:
            self.text += (await self.talk.receive_output(10))["body"]

    async def leave(self) -> None:
        await self.talk.send_input({"type": "http.disconnect"})
        await self.talk.wait(5)

    def parts(self) -> list[tuple]:
        found = [json.loads(row[6:]) for row in self.text.decode().splitlines() if row.startswith("data: {") and row != "data: {}"]
        return [(part["step"], part["first"], part["count"], part["html"]) for part in found]

    def ids(self) -> list[str]:
        return re.findall("^id: (.*)$", self.text.decode(), re.MULTILINE)


def test_watchers_follow_the_file_over_steps_each_from_a_place_of_its_own(things, owner, reader):
    def write(text: str) -> None:
        with things.log.open("a") as file:
            file.write(text)

    def second_step_and_end() -> None:
        now = timezone.now()
        OperationStep.objects.filter(pk=things.step.pk).update(ended_at=now, state="Succeeded")
        second = OperationStep.objects.create(
            operation=things.running, order=2, name="bundle", title="Bundle", state="Succeeded", ended_at=now
        )
        things.log.with_name(f"{second.order:02d}-bundle.log").write_text("of the second step\n")
        things.running.succeed()

    async def follow():
        early, late = Watcher(owner, things.running, after="0:0", last="1:11"), Watcher(reader, things.running)
        assert await early.open() == 200
        assert early.headers["content-type"] == "text/event-stream" and "no-transform" in early.headers["cache-control"]
        await early.until(b"alert")
        write("half a ")
        await asyncio.sleep(2 * tails.LOOK)
        write("line\n")
        await early.until(b"half a line")
        assert await late.open() == 200
        await late.until(b"half a line")
        await sync_to_async(second_step_and_end)()
        for watcher in (early, late):
            await watcher.until(b"event: end\ndata: {}\n\n")
            await watcher.talk.wait(5)
        return early, late

    early, late = asyncio.run(follow())
    after = [
        (1, 3, 1, '<li id="L3" data-n="3">half a line</li>'),
        (2, 4, 1, '<li id="L4" data-n="4">of the second step</li>'),
    ]
    assert early.parts() == [(1, 2, 1, '<li id="L2" data-n="2">&lt;script&gt;alert(1)&lt;/script&gt;</li>'), *after]
    assert early.ids() == ["1:37", "1:49", "2:19"]
    assert "".join(part[3] for part in late.parts()).count("<li") == 4 and late.parts()[-1] == after[-1]


def test_a_line_longer_than_a_piece_goes_out_and_so_does_what_comes_after(things):
    things.log.write_text(f"before\n{'x' * 3 * tails.PIECE}\nafter\nnot ended {'y' * tails.PIECE}")
    pieces, place = read([things.step], Place(1, 0, 0))
    assert place == Place(1, things.log.read_bytes().rindex(b"\n") + 1, 3) and pieces[-1].end == place
    assert b"before" in pieces[0].event and b"after" in pieces[-1].event
    assert read([things.step], place) == ([], place)


def test_one_log_that_cannot_be_read_holds_up_no_other(things, caplog):
    things.log.write_text("a line\n")
    broken = OperationStep(operation=things.running, order=2, name="broken", title="Broken")
    folder = things.log.with_name("02-broken.log")
    folder.mkdir()
    of_broken, healthy, new = Tail(), Tail(), Tail()
    wanted = [(of_broken, [broken], Place(2, 0, 0)), (healthy, [things.step], Place(1, 0, 0)), (new, [broken], None)]
    for _ in range(3):
        (only,) = tails._look(wanted)
        assert only[0] is healthy and b"a line" in only[1][0].event
    assert caplog.text.count("an open log could not be read") == 2, "once for each of the two"
    folder.rmdir()
    folder.write_text("it is back\n")
    found = tails._look(wanted)
    assert [one[0] for one in found] == [of_broken, healthy, new] and b"it is back" in found[0][1][0].event


def test_a_fault_in_a_stream_is_told(things, owner, monkeypatch, caplog):
    monkeypatch.setattr("frontend.logs.live.located", lambda *args: 1 / 0)

    async def follow():
        watcher = Watcher(owner, things.running)
        assert await watcher.open() == 200
        await watcher.talk.wait(5)

    asyncio.run(follow())
    assert "an open log broke off" in caplog.text and "ZeroDivisionError" in caplog.text


def test_lines_are_made_once_for_all_who_follow(things, owner, monkeypatch):
    made, piece = [], tails._piece
    monkeypatch.setattr(tails, "_piece", lambda *args: made.append(args[2]) or piece(*args))

    async def follow():
        watchers = [Watcher(owner, things.running, after=f"1:{things.log.stat().st_size}") for _ in range(5)]
        for watcher in watchers:
            assert await watcher.open() == 200
        async with asyncio.timeout(10):  # the tail knows where the log ends, and all five stand there
            while [tail.watchers for tail in tails.tails()._tails.values() if tail.head] != [5]:
                await asyncio.sleep(tails.LOOK / 4)
        with things.log.open("a") as file:
            file.write("for all of you\n")
        for watcher in watchers:
            await watcher.until(b"for all of you")
            await watcher.leave()
        assert not tails.tails()._tails, "who left leaves nothing behind"

    asyncio.run(follow())
    assert made == [b"for all of you\n"]


def test_who_may_not_see_the_operation_is_passed_on_to_django(things, stranger):
    async def ask(user, after="1:0") -> int:
        return await Watcher(user, things.running, after).open()

    assert [asyncio.run(ask(stranger)), asyncio.run(ask(None))] == [418, 418]
    assert asyncio.run(ask(things.failed.created_by, "x:y")) == 418
    assert asyncio.run(ask(things.failed.created_by, f"1:{'9' * 5000}")) == 418

    async def django(user, query="") -> int:
        client = AsyncClient()
        if user:
            await client.aforce_login(user)
        return (await client.get(f"/g/demo/operations/{things.running.pk}/stream{query}")).status_code

    assert [asyncio.run(django(user)) for user in (stranger, None)] == [404, 404]
    assert asyncio.run(django(things.failed.created_by, "?after=x:y")) == 400
    assert asyncio.run(django(things.failed.created_by)) == 200


def test_the_stream_ends_with_the_membership(things, group, reader):
    async def follow() -> bytes:
        watcher = Watcher(reader, things.running)
        assert await watcher.open() == 200
        await watcher.until(b"first line")
        assert await watcher.talk.receive_nothing(0.3)
        await sync_to_async(group.memberships.filter(user=reader).delete)()
        await watcher.until(b"event: end")
        return watcher.text

    assert asyncio.run(follow()).endswith(b"event: end\ndata: {}\n\n")


def test_who_falls_behind_the_ring_reads_the_file_up_to_it(things, monkeypatch):
    monkeypatch.setattr(tails, "RING", 2000)
    steps, tail, head = [things.step], Tail(), Place(1, 0, 0)
    things.log.write_bytes(b"")
    tail.add([], head)
    for number in range(1, 41):
        with things.log.open("a") as file:
            file.write(f"line {number}\n")
        pieces, head = read(steps, head)
        tail.add(pieces, head)
    assert tail._bytes <= 2000 and 1 < len(tail._ring) < 40
    assert tail.after(head) == [] and [piece.end for piece in tail.after(tail._ring[-1].begin)] == [head]

    for start in (Place(1, 0, 0), Place(1, 7, 1), tail._ring[2].begin):
        seen, place = [], start
        while found := tail.after(place) or (tail.after(place) is None and read(steps, place, tail.next_to(place))[0]):
            seen += re.findall(
                r'id="L(\d+)" data-n="\d+">line (\d+)<', "".join(json.loads(p.event.split(b"data: ")[1])["html"] for p in found)
            )
            place = found[-1].end
        assert place == head and seen == [(str(number), str(number)) for number in range(start.line + 1, 41)]


def test_the_portal_answers_streams_before_django():
    from portal.asgi import application

    assert isinstance(application.inner, LiveLogs) and settings.ASGI_APPLICATION == "portal.asgi.application"
