"""Several rows of a list at once: one page that asks, one that tells how it went for each."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.generic import TemplateView

from frontend.several import KINDS, MOST, Verb, attempt
from frontend.views.base import ScopedMixin
from portal.accounts.permissions import require
from portal.errors import BadRequest

#: the person's last answer, until the next one
KEPT = "several"


@dataclass(slots=True)
class Item:
    """A chosen row as it is told: an act may take the row itself away."""

    pk: str
    name: str
    url: str
    row: object
    reason: str = ""


class SeveralView(ScopedMixin, TemplateView):
    """POST with `verb` and `row`s asks, or with `sure` acts; GET shows how the last one went."""

    template_name = "frontend/several/result.html"

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if kwargs["noun"] not in KINDS:
            raise Http404
        self.noun, self.kind = kwargs["noun"], KINDS[kwargs["noun"]]

    @property
    def back(self) -> str:
        query = self.request.POST.get("query", "")[:2000]
        return reverse(f"pages:{self.noun}", args=[self.group.name]) + (f"?{query}" if query else "")

    def get(self, request, *args, **kwargs):
        kept = request.session.get(KEPT, {})
        if kept.get("of") != request.path:
            return HttpResponseRedirect(self.back)
        return self.render_to_response(self.get_context_data(**kept))

    def post(self, request, *args, **kwargs):
        asked = request.POST.get("verb", "")
        verb = next((one for one in self.kind.verbs if one.name == asked), None)
        if verb is None:
            raise BadRequest(_("This cannot be asked of several rows."), field="verb")
        require(request.user, verb.permission, self.group)
        chosen = list(dict.fromkeys(request.POST.getlist("row")))
        if not chosen:
            messages.info(request, _("Choose at least one row first."))
            return HttpResponseRedirect(self.back)
        if len(chosen) > MOST:
            raise BadRequest(_("Choose at most %(most)s rows.") % {"most": MOST}, field="row")
        items = self.items(chosen)
        gone = len(chosen) - len(items)
        if verb.question is None:
            return self.done(verb, items, gone, {})
        if "sure" not in request.POST:
            return self.ask(verb, items, gone)
        form = verb.form(request.POST, len(items))
        if not form.is_valid():
            return self.ask(verb, items, gone, form)
        return self.done(verb, items, gone, form.cleaned_data)

    def items(self, chosen: list[str]) -> list[Item]:
        """Those that are still there, in the order of the list."""
        keys = []
        for said in chosen:
            try:
                keys.append(self.kind.model._meta.pk.to_python(said))
            except ValidationError:
                continue
        rows = self.scope(self.kind.model, self.kind.permission).select_related(*self.kind.related).in_bulk(keys)
        found = [rows[key] for key in dict.fromkeys(keys) if key in rows]
        address = f"pages:{self.kind.page}"
        return [Item(str(row.pk), self.kind.said(row), reverse(address, args=[self.group.name, self.kind.key(row)]), row) for row in found]

    def ask(self, verb: Verb, items: list[Item], gone: int, form=None):
        """Names each, and what would be refused and why."""
        for item in items:
            item.reason = attempt(verb, user=self.request.user, row=item.row, values={}, keep=False)
        going = [item for item in items if not item.reason]
        context = {
            "title": verb.question % {"count": len(going)},
            "verb": verb,
            "going": going,
            "refused": [item for item in items if item.reason],
            "gone": gone,
            "form": form or verb.form(None, len(going)),
            "back": self.back,
            "query": self.request.POST.get("query", "")[:2000],
        }
        self.template_name = "frontend/several/confirm.html"
        return self.render_to_response(self.get_context_data(**context), status=422 if form else 200)

    def done(self, verb: Verb, items: list[Item], gone: int, values: dict):
        """Each for itself. The answer is a page of its own, so that loading it again does nothing again."""
        for item in items:
            item.reason = attempt(verb, user=self.request.user, row=item.row, values=values, keep=True)
        done = [item.name for item in items if not item.reason]
        refused = [{"name": item.name, "url": item.url, "reason": item.reason} for item in items if item.reason]
        if not refused and not gone:
            told = ngettext("%(verb)s: done for %(count)s row.", "%(verb)s: done for %(count)s rows.", len(done))
            messages.success(self.request, told % {"verb": verb.words, "count": len(done)})
            return HttpResponseRedirect(self.back)
        kept = {"title": str(verb.words), "done": done, "refused": refused, "gone": gone, "back": self.back, "of": self.request.path}
        self.request.session[KEPT] = kept
        return HttpResponseRedirect(self.request.path)

    def get_crumbs(self):
        names = {"models": _("Models"), "manifests": _("Manifests"), "images": _("Images"), "services": _("Services")}
        return [(names.get(self.noun, _("Operations")), reverse(f"pages:{self.noun}", args=[self.group.name]))]
