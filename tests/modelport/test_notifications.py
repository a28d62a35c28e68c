"""Notifications from the command line: what is new, read, and what comes as mail."""

from __future__ import annotations

import pytest
from django.utils import timezone

from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_they_are_listed_read_and_chosen_for_mail(portal, signed_in, group, contributor):
    cli = signed_in
    failed = factories.make_operation(group, label="iris:3", state="Failed", created_by=contributor, ended_at=timezone.now())
    (found,) = cli("notifications", "list").json
    assert (found["kind"], found["subject"], found["new"]) == ("operation.failed", str(failed.pk), True)
    assert "Build image: iris:3 failed." in cli("notifications", "list", "-o", "table").out
    assert cli("notifications", "read").json["until"]
    assert cli("notifications", "list").json == [] and len(cli("notifications", "list", "--all").json) == 1

    assert cli("notifications", "mail").json["kinds"] == []
    chosen = cli("notifications", "mail", "--kind", "operation.failed", "--kind", "alias.moved", "--language", "zh-hant").json
    assert (chosen["kinds"], chosen["language"]) == (["operation.failed", "alias.moved"], "zh-hant")
    assert cli("notifications", "mail", "--language", "en").json["kinds"] == ["operation.failed", "alias.moved"]
    assert cli("notifications", "mail", "--none").json["kinds"] == []
    assert portal.mail_switches() == {"sendsMail": False, "address": "", "kinds": [], "language": "en"}
