"""The operation page's log: in the page, as a stream, as a download; and the small words of templates."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.utils import timezone

from deployments.models import Operation, OperationStep
from deployments.steplog import stamped
from deployments.steps import step_log_path
from frontend.logs.html import lines_html
from frontend.templatetags.portal import ago, duration, in_units, usually
from tests import factories


def test_the_page_shows_the_log_escaped_and_goes_on_where_it_ended(browse, things, owner):
    text = browse(owner).get(f"/g/demo/operations/{things.running.pk}").content.decode()
    assert '<li id="L1" data-n="1">first line</li><li id="L2" data-n="2">&lt;script&gt;alert(1)&lt;/script&gt;</li>' in text
    assert f"/stream?after=1:{things.log.stat().st_size}" in text


def test_the_live_part_alone_is_asked_for_again_and_stops_with_the_operation(browse, things, owner):
    address = f"/g/demo/operations/{things.running.pk}"
    part = browse(owner).get(address, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<div id="live"') and "hx-trigger" in part and "<html" not in part
    things.running.cancel()
    part = browse(owner).get(address, headers={"HX-Request": "true"}).content.decode()
    assert "hx-trigger" not in part and "Cancelled" in part


def test_a_failed_operation_says_whose_fault_and_the_last_lines(browse, things, owner):
    text = browse(owner).get(f"/g/demo/operations/{things.failed.pk}").content.decode()
    assert "There is no package scikit-lern." in text
    assert "<code>requirements.txt</code> line 1" in text and "the end" in text
    assert "Change the manifest" in text and "Run again" in text
    Operation.objects.filter(pk=things.failed.pk).update(error={**things.failed.error, "fault": "ours"})
    assert "not your fault" in browse(owner).get(f"/g/demo/operations/{things.failed.pk}").content.decode()


@pytest.mark.parametrize(("fault", "first"), [("yours", "Change the manifest"), ("ours", "Run again")])
def test_the_main_button_is_the_one_that_helps(browse, things, owner, fault, first):
    Operation.objects.filter(pk=things.failed.pk).update(error={**things.failed.error, "fault": fault, "cure": None})
    text = browse(owner).get(f"/g/demo/operations/{things.failed.pk}").content.decode()
    actions = text[text.index('class="page-actions"') : text.index("The last")]
    assert re.findall(r'class="btn btn-primary[^>]*>(?:<svg.*?</svg>|<span[^>]*></span>|\s)*([A-Z][a-z ]+)', actions, re.S) == [first]


def test_a_rollout_that_failed_says_what_serves(browse, things, group, owner):
    error = {"code": "NotReady", "message": "It was not ready in time.", "fault": "ours", "lines": []}
    failed = factories.make_operation(group, kind="Service", state="Failed", service=things.service, error=error)
    client = browse(owner)
    things.service.revisions.update(state="Serving")
    assert "goes on serving" in client.get(f"/g/demo/operations/{failed.pk}").content.decode()
    things.service.revisions.update(state="Failed")
    text = client.get(f"/g/demo/operations/{failed.pk}").content.decode()
    assert "goes on serving" not in text and "Nothing serves at its URL now" in text


def test_the_way_of_a_one_step_deployment_is_shown_whole(browse, things, group, owner):
    Operation.objects.filter(pk=things.running.pk).update(
        then={"service": str(things.service.pk)}, state="Succeeded", ended_at=timezone.now()
    )
    waiting = browse(owner).get(f"/g/demo/operations/{things.running.pk}").content.decode()
    assert "hx-trigger" in waiting and "waits for the image" in waiting
    after = factories.make_operation(group, kind="Service", label="iris revision 2", service=things.service, follows=things.running)
    text = browse(owner).get(f"/g/demo/operations/{things.running.pk}").content.decode()
    assert f"/g/demo/operations/{after.pk}" in text and "waits for the image" not in text


def test_a_long_log_is_shown_in_windows_that_count_through_all_steps(browse, things, group, owner):
    second = OperationStep.objects.create(operation=things.running, order=2, name="install", title="Install")
    path = step_log_path(second)
    path.write_bytes(b"".join(stamped(f"line {number}", timezone.now()) for number in range(1, 3001)))
    address = f"/g/demo/operations/{things.running.pk}"
    client = browse(owner)
    shown = client.get(address).context["folds"][1]
    assert (shown["begin"], shown["first"], shown["last"], shown["total"]) == (3, 2503, 3002, 3002)
    assert 'href="?from=2003#log"' in client.get(address).content.decode(), "without script, the earlier part is a link"
    assert client.get(f"{address}?from=1000").context["folds"][1]["first"] == 1000

    part = client.get(f"{address}/lines?from=3&count=2").json()
    assert (part["step"], part["first"], part["last"], part["begin"], part["total"]) == (2, 3, 4, 3, 3002)
    assert re.findall(r'<li id="L(\d+)" data-n="\1" data-t="[0-9:.]{12}">([^<]*)</li>', part["html"]) == [("3", "line 1"), ("4", "line 2")]
    assert client.get(f"{address}/lines?from=9999").status_code == 404
    assert client.get(f"{address}/lines").status_code == 400
    assert client.get(f"{address}/find?q=LINE 2999").json() == {"lines": [3001], "more": False}
    assert client.get(f"{address}/find?q=script").json()["lines"] == [2]


def test_colours_become_classes_and_nothing_else_does():
    html = lines_html(["\x1b[1;31m<error>\x1b[0m plain \x1b[38;5;196mred\x1b[39m \x1b[48;2;1;2;3mx\x1b[m", "\x1b[31", "\x1b[35mopen"], 7)
    assert html == (
        '<li id="L7" data-n="7"><b class="a1 a31">&lt;error&gt;</b> plain <b style="color:#ff5959">red</b> x</li>'
        '<li id="L8" data-n="8">\x1b[31</li><li id="L9" data-n="9"><b class="a35">open</b></li>'
    )


def test_what_is_usual_and_what_is_to_come(browse, things, group, owner):
    now = timezone.now()
    for seconds in (100, 120, 140, 160, 600):
        done = factories.make_operation(
            group, label="iris:1", state="Succeeded", manifest=things.manifest, started_at=now - timedelta(seconds=seconds), ended_at=now
        )
        for order, name in enumerate(("resolve", "probe"), 1):
            OperationStep.objects.create(operation=done, order=order, name=name, title=f"Do {name}", state="Succeeded", ended_at=now)
    Operation.objects.filter(pk=things.running.pk).update(manifest=things.manifest)
    context = browse(owner).get(f"/g/demo/operations/{things.running.pk}").context
    assert context["usual"] == (120, 160) and usually(context["usual"]) == "usually 2–3 minutes"
    assert (usually((28, 95)), usually((18, 22)), usually((20, 20.2))) == ("usually 28 s–2 minutes", "usually 18–22 s", "usually 20 s")
    assert [step.title for step in context["to_come"]] == ["Do probe"]
    waiting = factories.make_operation(group, label="iris:9")
    assert browse(owner).get(f"/g/demo/operations/{waiting.pk}").context["queue"] == (1, 1)


def test_the_download_holds_every_step(browse, things, owner):
    answer = browse(owner).get(f"/g/demo/operations/{things.running.pk}/log")
    text = b"".join(answer.streaming_content).decode()
    assert "== Resolve the packages (Running) ==" in text and "<script>" in text
    assert answer["Content-Type"].startswith("text/plain") and "attachment" in answer["Content-Disposition"]


def events(text: str) -> list[tuple[str, dict]]:
    found = []
    for block in text.split("\n\n"):
        rows = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and not line.startswith(":"))
        if "data" in rows:
            found.append((rows.get("id") or rows.get("event"), json.loads(rows["data"])))
    return found


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "just now"),
        (60, "1 minute ago"),
        (3 * 3600, "3 hours ago"),
        (2 * 86400, "2 days ago"),
        (-7200, "in 2 hours"),
        (5 - 90 * 86400, "in 90 days"),
    ],
)
def test_times_are_said_relatively(seconds, words):
    now = timezone.now()
    assert ago(now - timedelta(seconds=seconds), now) == words


def test_durations_and_sizes():
    assert [duration(value) for value in (0.04, 9.96, 102, 3725, 1_047_600, None)] == [
        "0.0 s",
        "10.0 s",
        "1 m 42 s",
        "1 h 2 m",
        "12 d 3 h",
        "",
    ]
    assert [in_units(value) for value in (0, 1023, 1536, 2**30, 150 * 2**20)] == ["0 B", "1023 B", "1.5 KiB", "1 GiB", "150 MiB"]


def test_what_no_worker_takes_says_so(browse, group, things, owner):
    waiting = factories.make_operation(group, label="iris:9", state="NotStarted", created_by=owner)
    address = f"/g/demo/operations/{waiting.pk}"
    assert "No worker has taken it" not in browse(owner).get(address).content.decode()
    Operation.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(minutes=10))
    assert "No worker has taken it for 10 m" in browse(owner).get(address).content.decode()
