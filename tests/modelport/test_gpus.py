"""GPUs by the command line: the portal's own words, at their field."""

from __future__ import annotations

import pytest

from deployments.models import Environment, Service
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def test_gpus_are_asked_for_and_refused(signed_in, group, contributor):
    factories.make_image(group, user=contributor)
    words = ("service", "create", "realtime", "-n", "iris", "--image-id", "iris:1", "--no-wait", "--gpus")
    refused = signed_in(*words, "all").error
    assert refused["details"][0]["field"] == "gpus" and "offers no GPUs" in refused["details"][0]["message"]
    Environment.objects.update(offers_gpus=True)
    assert signed_in(*words, "all").code == 0
    assert signed_in("service", "show", "-n", "iris").json["gpus"] == "all" and Service.objects.get().gpus == -1
