"""Error pages with fixed texts and a reference; addresses below /api/ answer JSON."""

from __future__ import annotations

import sys

from django.http import Http404, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from portal.api.errors import describe, envelope, is_full_disk, json_error

TITLES = {
    400: _("This request cannot be used"),
    403: _("You may not do this"),
    404: _("There is no such page"),
    409: _("This does not fit together"),
    413: _("This is too large"),
    429: _("Too many requests"),
    500: _("Something broke on our side"),
    503: _("Not ready yet"),
    507: _("The disk is full"),
}
CURES = {
    403: _("Ask one of the Owners for access."),
    409: _("Look at what it says, change that, and try again."),
    413: _("An administrator can raise the limit."),
    429: _("Wait a moment and try again."),
    503: _("Nothing was changed. Try again in a few seconds."),
    507: _("An administrator has to make room."),
}


def refused(request, said: dict):
    """A page for an envelope of portal.api.errors."""
    status = said["statusCode"]
    context = {"title": TITLES.get(status, TITLES[500]), "said": said, "cure": CURES.get(status, ""), "status": status}
    return render(request, "frontend/error.html", context, status=status)


def _answer(request, code: str, status: int, message: str):
    said = envelope(code, message, status)
    if request.path.startswith("/api/"):
        return JsonResponse(said, status=status)
    return refused(request, said)


def not_found(request, exception=None):
    if request.path.startswith("/api/"):
        return json_error(Http404())
    user = getattr(request, "user", None)
    who = " " + gettext("You are signed in as %(name)s.") % {"name": user} if user is not None and user.is_authenticated else ""
    return _answer(request, "NotFound", 404, gettext("There is no such page, or you may not see it.") + who)


def not_allowed(request, exception=None):
    return _answer(request, "NotAllowed", 403, str(exception or "") or gettext("You may not do this."))


def bad_request(request, exception=None):
    return _answer(request, "BadRequest", 400, gettext("This request cannot be used."))


def server_error(request):
    # Django asks for this page while it handles the error.
    error = sys.exception()
    if is_full_disk(error):
        said = describe(error)
        return _answer(request, said["code"], said["statusCode"], said["message"])
    return _answer(request, "InternalServerError", 500, gettext("Something broke on our side. Nothing was changed."))


def csrf_failure(request, reason=""):
    return _answer(
        request,
        "NotAllowed",
        403,
        gettext("This form has expired, or cookies are switched off. Go back, reload the page and send it again."),
    )
