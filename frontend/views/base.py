"""The three kinds of page: a list, a detail, and a form that calls an action.

A view knows shapes and addresses. What may be done and what is right is known by the action, whose
ValidationError becomes messages at the form's fields and whose PortalError a message on the page with its status.
"""

from __future__ import annotations

import logging
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Count, OuterRef, ProtectedError, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponseRedirect
from django.views.generic import TemplateView, View
from django.views.generic.edit import FormView
from django_tables2 import RequestConfig

from frontend.flash import carry
from frontend.views.errors import refused
from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission
from portal.api.errors import describe
from portal.errors import NotFound, PortalError
from portal.names import find

log = logging.getLogger(__name__)

PAGE_SIZES = (25, 50, 100)


class ScopedMixin(LoginRequiredMixin):
    """The group in the address, if the person may see it; else 404, as for a group that does not exist."""

    group: ResourceGroup
    #: words and addresses that lead here, below the group: [("Models", "models")]
    crumbs: list[tuple[str, str]] = []
    title = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if "group" in kwargs and request.user.is_authenticated:
            group = ResourceGroup.objects.allowing(request.user, Permission.GROUP_READ).filter(name=kwargs["group"]).first()
            if group is None:
                raise Http404
            self.group = request.group = group

    def dispatch(self, request, *args, **kwargs):
        try:
            return carry(request, super().dispatch(request, *args, **kwargs))
        except (ValidationError, PortalError, ProtectedError) as error:
            return self.refused_page(error)

    def refused_page(self, error):
        """The page of an act that was refused: what was said, with its status, and the way back."""
        return refused(self.request, describe(error))

    def scope(self, model, permission: str):
        """The rows of this group that the person may read."""
        rows = model.objects.allowing(self.request.user, permission)
        return rows.filter(**{rows.scope_path: self.group})

    def find(self, queryset, said: str, noun: str, **options):
        """One row by name:number or uuid, else 404."""
        try:
            return find(queryset, said, noun=noun, **options)
        except NotFound:
            raise Http404 from None

    def one(self, queryset, **lookup):
        """The row, else 404."""
        row = queryset.filter(**lookup).first()
        if row is None:
            raise Http404
        return row

    def get_title(self) -> str:
        return self.title

    def get_crumbs(self) -> list[tuple[str, str]]:
        return self.crumbs

    def get_context_data(self, **kwargs) -> dict[str, Any]:
        kwargs.setdefault("title", self.get_title())
        kwargs.setdefault("crumbs", self.get_crumbs())
        # The address's own words come in here as well; pages mean the row.
        kwargs["group"] = getattr(self, "group", None)
        return super().get_context_data(**kwargs)


class ListView(ScopedMixin, TemplateView):
    """Rows, filtered by a FilterSet and shown by a table; sort, page, size and filters are in the address."""

    template_name = "frontend/list.html"
    model = None
    permission = ""
    table_class = None
    filterset_class = None
    #: the one thing to do here: words, the page's name, what it needs
    create: tuple[str, str, str] | None = None
    #: for a group that has none yet: icon, what the thing is, the same from the command line
    empty: dict[str, str] = {}

    def get_queryset(self):
        return self.scope(self.model, self.permission)

    def get_context_data(self, **kwargs):
        rows = self.get_queryset()
        values = {name: value for name, value in self.request.GET.items() if name not in ("sort", "page", "size")}
        filters = self.filterset_class(self.request.GET, queryset=rows, request=self.request) if self.filterset_class else None
        dress(filters)
        found = filters.qs if filters is not None and filters.is_valid() else rows
        table = self.table_class(found, request=self.request, group=self.group)
        asked = self.request.GET.get("size", "")
        size = int(asked) if asked.isdecimal() and int(asked) in PAGE_SIZES else PAGE_SIZES[0]
        RequestConfig(self.request, paginate={"per_page": size}).configure(table)
        chosen = {name: value for name, value in values.items() if value and filters is not None and name in filters.filters}
        return super().get_context_data(
            table=table,
            filters=filters,
            chosen=chosen,
            count=table.paginator.count,
            size=size,
            sizes=PAGE_SIZES,
            nothing=not table.paginator.count and not chosen,
            create=self.create,
            empty=self.empty,
            **kwargs,
        )


def dress(filters) -> None:
    """The kit's classes on a filter set's fields; a text field says in it what it looks for."""
    for field in filters.form.fields.values() if filters is not None else ():
        choice = hasattr(field, "choices") or isinstance(field, forms.NullBooleanField)
        field.widget.attrs.setdefault("class", "form-select" if choice else "form-control")
        if not choice:
            field.widget.attrs.setdefault("placeholder", field.label)


class ObjectMixin(ScopedMixin):
    """A page about one thing, found before anything else happens."""

    def get_object(self):
        raise NotImplementedError

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if request.user.is_authenticated:
            self.object = self.get_object()

    def get_title(self) -> str:
        return self.title or str(self.object)

    def get_context_data(self, **kwargs):
        kwargs.setdefault("object", self.object)
        return super().get_context_data(**kwargs)


def count_of(model, key: str) -> Coalesce:
    """How many rows of `model` point at a row by `key`: asked for the rows of one page, not for all that were found."""
    counted = model.objects.order_by().filter(**{key: OuterRef("pk")}).values(key).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


class DetailView(ObjectMixin, TemplateView):
    """One thing. A page that moves names a partial, `live`, which is asked for again while something runs."""

    live_partial = "live"

    def get_template_names(self):
        names = super().get_template_names()
        if self.request.htmx and not self.request.htmx.boosted:
            return [f"{name}#{self.live_partial}" for name in names]
        return names


class ActionView(ScopedMixin, FormView):
    """A form that calls an action. Refusals show the same form again, with everything that was typed (422, or the error's status)."""

    template_name = "frontend/form.html"
    submit = "Save"
    busy = "Saving…"
    #: what one must be allowed to, said before one types; the action asks again
    permission = ""
    danger = False
    done = ""

    def act(self, **values):
        """Call the action with the form's values and keep what the success page needs."""
        raise NotImplementedError

    def form_valid(self, form):
        try:
            self.result = self.act(**form.cleaned_data)
        except (ValidationError, PortalError, ProtectedError) as error:
            return self.shown_again(form, error)
        if self.done:
            messages.success(self.request, self.get_done())
        return HttpResponseRedirect(self.get_success_url())

    def get_done(self) -> str:
        return self.done

    def shown_again(self, form, error):
        status = 422
        if isinstance(error, ValidationError):
            put_on_form(form, error)
        else:
            said = describe(error)
            status = said["statusCode"]
            details = [line for line in said["details"] if line.get("field") in form.fields]
            for line in details:
                form.add_error(line["field"], line["message"])
            if not details:
                form.add_error(None, said["message"])
            if status >= 500:
                log.warning("%s: %s", type(self).__name__, said["message"])
        return self.render_to_response(self.get_context_data(form=form), status=status)

    def form_invalid(self, form):
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def get_context_data(self, **kwargs):
        kwargs = {"submit": self.submit, "busy": self.busy, "permission": self.permission, "danger": self.danger, **kwargs}
        return super().get_context_data(**kwargs)


class PostView(ScopedMixin, View):
    """A button: POST calls an action and leads to a page."""

    http_method_names = ["post"]

    def act(self):
        """Call the action and return the address to go to."""
        raise NotImplementedError

    def post(self, request, *args, **kwargs):
        return HttpResponseRedirect(self.act())


def put_on_form(form, error: ValidationError) -> None:
    """Each message at its field; those of a field that the form does not have go on top with the field's name."""
    found = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for field, sentences in found.items():
        for sentence in sentences:
            if field in form.fields:
                form.add_error(field, sentence)
            else:
                form.add_error(None, sentence if field == NON_FIELD_ERRORS else f"{field}: {sentence}")
