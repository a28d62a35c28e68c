"""Try it: the page that calls a service through the gateway, with its schema for a form and its sample to begin with."""

from __future__ import annotations

from http import HTTPStatus

from csp.decorators import csp_update
from django.conf import settings
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.csrf import ensure_csrf_cookie

from deployments import swagger
from deployments.models import Service
from frontend.views.base import DetailView
from frontend.views.services import ServiceMixin
from portal.accounts.permissions import Permission, allows


class ServiceTryView(ServiceMixin, DetailView):
    """This page and the one with Swagger UI alone may call the gateway."""

    template_name, tab, title = "frontend/services/try.html", "try", lazy("Try it")
    asks = {"whole": True}

    @method_decorator(ensure_csrf_cookie)
    def dispatch(self, request, *args, **kwargs):
        return csp_update({"connect-src": [settings.GATEWAY_URL]})(super().dispatch)(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        service, user = self.object, self.request.user
        address = [self.group.name, service.name]
        may_score = allows(user, Permission.SERVICE_SCORE, self.group)
        shape = swagger.openapi(service).get("components", {}).get("schemas", {}).get("ServiceInput", {})
        config = {
            "service": service.pk.hex,
            "url": service.scoring_url,
            "schema": shape,
            "sample": swagger.sample(service),
            "secured": service.access == Service.Access.KEY,
            "keyUrl": reverse("pages:service_session_key", args=address) if may_score else "",
            "examplesUrl": reverse("deployments_api:service-examples", args=address),
            "logsUrl": reverse("pages:service_logs", args=address),
            "mayScore": may_score,
            "mayWrite": allows(user, Permission.SERVICE_WRITE, self.group),
            "user": user.username,
            "words": words(),
        }
        return super().get_context_data(config=config, may_score=may_score, has_form=bool(shape.get("properties")), **kwargs)


def words() -> dict:
    """What the script writes."""
    return {
        "addRow": _("Add row"),
        "removeRow": _("Remove this row"),
        "row": _("row"),
        "pasteHint": _("Rows can be pasted from a spreadsheet."),
        "body": _("Request body, JSON. Escape, then Tab, leaves the editor."),
        "notJson": _("This is not JSON."),
        "calling": _("Calling…"),
        "cancelled": _("Cancelled"),
        "unreachable": _("No answer: the gateway cannot be reached from this browser, or it refused the connection."),
        "bytes": _("bytes"),
        "answer": _("Answer"),
        "shared": _("shared"),
        "mine": _("mine"),
        "remove": _("Delete"),
        "copied": _("Copied"),
        "hint401": _("The key is missing, wrong or expired. Leave the key empty to use a session key of yours."),
        "hintTime": _("It took longer than the service allows: raise the seconds a call may take in Settings, or send fewer rows."),
        "hint413": _("The request is larger than this service takes. Send fewer rows."),
        "hint429": _("Too many calls at once. Try again in a moment."),
        "hint500": _("The service's own code failed. Its traceback is in the log under this request id."),
        "hint503": _("No replica takes calls right now: they are starting, stopped or too busy."),
        "statuses": {status.value: status.phrase for status in HTTPStatus},
    }
