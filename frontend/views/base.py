"""The three kinds of page: a list, a detail, and a form that calls an action.

A view knows shapes and addresses. What may be done and what is right is known by the action, whose
ValidationError becomes messages at the form's fields and whose PortalError a message on the page with its status.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Count, IntegerField, OuterRef, ProtectedError, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.generic import TemplateView, View
from django.views.generic.edit import FormView
from django_tables2 import RequestConfig

from frontend import lists, typed
from frontend.flash import carry
from frontend.frame import groups_in_frame
from frontend.paging import MOST_COUNTED, BoundedPaginator, settle
from frontend.several import verbs_for
from frontend.views.errors import refused
from portal.accounts.models import ResourceGroup
from portal.accounts.preferences import preferences_of, views_for
from portal.api.errors import describe
from portal.errors import NotFound, PortalError
from portal.names import find

log = logging.getLogger(__name__)


class ScopedMixin(LoginRequiredMixin):
    """The group in the address, if the person may see it; else 404, as for a group that does not exist."""

    group: ResourceGroup
    #: words and addresses that lead here, below the group: [("Models", "models")]
    crumbs: list[tuple[str, str]] = []
    title = ""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if "group" in kwargs and request.user.is_authenticated:
            request.groups = groups_in_frame(request.user)
            group = next((one for one in request.groups if one.name == kwargs["group"]), None)
            if group is None:
                raise Http404
            self.group = request.group = group

    def dispatch(self, request, *args, **kwargs):
        try:
            return carry(request, super().dispatch(request, *args, **kwargs))
        except (ValidationError, PortalError, ProtectedError) as error:
            return self.refused_page(error)

    def handle_no_permission(self):
        # A part of a page that asks again must not be answered with the whole page to sign in on.
        return HttpResponse(status=401) if self.request.htmx else super().handle_no_permission()

    def refused_page(self, error):
        """The page of an act that was refused: what was said, with its status, and the way back."""
        return refused(self.request, describe(error))

    def scope(self, model, permission: str):
        """The rows of this group that the person may read."""
        return model.objects.allowing_in(self.group, self.request.user, permission)

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
    """Rows, filtered by a FilterSet and shown by a table; sort, page, size and filters are in the address.

    What the address leaves open is as the person likes it (`frontend.lists.Layout`). htmx is answered with the
    results alone, and `?export=csv` or `json` with all rows that were found.
    """

    template_name = "frontend/list.html"
    #: which list it is, for what people keep of it: "models"
    noun = ""
    model = None
    permission = ""
    table_class = None
    filterset_class = None
    #: the one thing to do here: words, the page's name, what it needs
    create: tuple[str, str, str] | None = None
    #: for a group that has none yet: icon, what the thing is, the same from the command line
    empty: dict[str, str] = {}

    #: cuts of the list that people ask for most: words, and the address's query
    quick: list[tuple[str, str]] = []

    def get_queryset(self):
        return self.scope(self.model, self.permission)

    def get_noun(self) -> str:
        return self.noun or self.request.resolver_match.url_name

    def get_template_names(self):
        # The partial is the list's own, whatever page extends it.
        return ["frontend/list.html#results"] if self.request.htmx and not self.request.htmx.boosted else [self.template_name]

    def found(self):
        """(the filters, the rows that pass them)"""
        rows = self.get_queryset()
        filters = self.filterset_class(self.request.GET, queryset=rows, request=self.request) if self.filterset_class else None
        dress(filters)
        return filters, filters.qs if filters is not None and filters.is_valid() else rows

    def get(self, request, *args, **kwargs):
        kind = request.GET.get("export")
        if kind in ("csv", "json"):
            _filters, found = self.found()
            order = request.GET.get("sort")
            options = {"request": request, "group": self.group, **({"order_by": order} if order else {})}
            return lists.export(self.table_class, found, kind, f"{self.group.name}-{self.get_noun()}", **options)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        filters, found = self.found()
        found, counted = settle(self.get_queryset(), found) if self.request.GET.get("q", "").strip() else (found, {"most": MOST_COUNTED})
        noun = self.get_noun()
        layout = lists.Layout.of(preferences_of(self.request.user).get(f"lists.{noun}"))
        names = list(self.table_class.base_columns)
        hidden = tuple(name for name in layout.hidden if name in names[1:])
        sort = layout.sort if layout.sort.lstrip("-") in names and "sort" not in self.request.GET else None
        options = {"order_by": sort} if sort else {}
        # Given the request, a table would page, and count, at once.
        table = self.table_class(found, group=self.group, exclude=hidden, **options)
        asked = self.request.GET.get("size", "")
        size = int(asked) if asked.isdecimal() and int(asked) in lists.PAGE_SIZES else layout.size
        RequestConfig(self.request, paginate={"per_page": size, "paginator_class": BoundedPaginator, **counted}).configure(table)
        chosen = lists.chips(filters, self.request.GET)
        views = list(views_for(self.request.user, self.group, noun))
        return super().get_context_data(
            table=table,
            filters=filters,
            chosen=chosen,
            count=table.paginator.count,
            said=table.paginator.said,
            size=size,
            sizes=lists.PAGE_SIZES,
            nothing=not table.paginator.count and not chosen,
            create=self.create,
            empty=self.empty,
            quick=[(words, query, query == self.request.GET.urlencode()) for words, query in self.quick],
            noun=noun,
            several=verbs_for(self.request.user, self.group, noun),
            layout=layout,
            columns=[
                (name, one.verbose_name or name, name not in hidden)
                for name, one in self.table_class.base_columns.items()
                if name != "menu"
            ][1:],
            own_views=[view for view in views if view.user_id == self.request.user.pk],
            shared_views=[view for view in views if view.user_id != self.request.user.pk],
            **kwargs,
        )


def dress(filters) -> None:
    """The kit's classes on a filter set's fields; a text field says in it what it looks for, and the first one searches as one types."""
    fields = list(filters.form.fields.values()) if filters is not None else []
    for field in fields:
        choice = hasattr(field, "choices") or isinstance(field, forms.NullBooleanField)
        field.widget.attrs.setdefault("class", "form-select" if choice else "form-control")
        if not choice:
            field.widget.attrs.setdefault("placeholder", field.label)
    if fields:
        fields[0].widget.input_type = "search"
        live = {"hx-get": "", "hx-trigger": "input changed delay:300ms, search", "hx-target": "#results", "hx-swap": "outerHTML"}
        fields[0].widget.attrs.update({"autocomplete": "off", **live, "hx-push-url": "true", "hx-include": "closest form"})


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


def activity_of(row, group) -> str:
    """The audit log, narrowed to one row."""
    said = {"subject_type": row._meta.model_name, "subject_id": str(row.pk), "subject_label": str(row)}
    return reverse("pages:audit", args=[group.name]) + "?" + urlencode(said)


def count_of(model, key: str) -> Coalesce:
    """How many rows of `model` point at a row by `key`: asked for the rows of one page, not for all that were found."""
    counted = model.objects.order_by().filter(**{key: OuterRef("pk")}).values(key).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted), 0)


class _Counted(Subquery):
    """How many rows a queryset has."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
    empty_result_set_value = 0


def how_many_of(**kinds) -> dict[str, int]:
    """The number of rows of each queryset, by one question: at most one more than MOST_COUNTED, or what a slice lets through."""
    bounded = {name: rows if rows.query.is_sliced else rows.order_by()[: MOST_COUNTED + 1] for name, rows in kinds.items()}
    counted = {f"count_of_{name}": _Counted(rows.values("pk")) for name, rows in bounded.items()}
    # Any single row will do to hang the numbers on.
    asked = ResourceGroup.objects.annotate(**counted)
    numbers = asked.values_list(*(f"count_of_{name}" for name in kinds))[:1]
    return dict(zip(kinds, numbers[0], strict=True))


class DetailView(ObjectMixin, TemplateView):
    """One thing. A page that moves names a partial, `live`, which is asked for again while something runs."""

    live_partial = "live"

    def get_context_data(self, **kwargs):
        kwargs.setdefault("copy_name", str(self.object))
        kwargs.setdefault("activity", activity_of(self.object, self.group))
        return super().get_context_data(**kwargs)

    def get_template_names(self):
        names = super().get_template_names()
        if self.request.htmx and not self.request.htmx.boosted:
            return [f"{name}#{self.live_partial}" for name in names]
        return names


class ActionView(ScopedMixin, FormView):
    """A form that calls an action. Refusals show the same form again, with everything that was typed (422, or the error's status)."""

    template_name = "frontend/form.html"
    submit = _lazy("Save")
    busy = _lazy("Saving…")
    #: what one must be allowed to, said before one types; the action asks again
    permission = ""
    danger = False
    done = ""

    def handle_no_permission(self):
        if self.request.method == "POST" and typed.keep(self.request):
            messages.info(self.request, _("You were signed out. Sign in again within half an hour: what you typed is kept for you."))
        return super().handle_no_permission()

    def get(self, request, *args, **kwargs):
        data = typed.given_back(request)
        if data is None:
            return super().get(request, *args, **kwargs)
        form = self.get_form()
        typed.fill(form, data)
        messages.info(request, _("What you had typed is here again. Nothing was sent yet."))
        if form.is_multipart():
            messages.info(request, _("Files have to be chosen again."))
        return self.render_to_response(self.get_context_data(form=form))

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
