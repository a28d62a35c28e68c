"""What people keep of lists: columns, density and order of their own, and views under a name."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from frontend.lists import PAGE_SIZES
from frontend.views.base import PostView
from portal.accounts import preferences
from portal.accounts.models import SavedView
from portal.accounts.permissions import Permission


class _ListView(PostView):
    """Leads back to the list, with the filters it was left with."""

    def setup(self, request, *args, **kwargs):
        super().setup(request, *args, **kwargs)
        if kwargs["noun"] not in preferences.NOUNS:
            raise Http404

    @property
    def noun(self) -> str:
        return self.kwargs["noun"]

    def back(self, query: str = "") -> str:
        return reverse(f"pages:{self.noun}", args=[self.group.name]) + (f"?{query}" if query else "")


class LayoutView(_ListView):
    """Columns, density, rows on a page, and the order that the list has now."""

    def act(self):
        post = self.request.POST
        shown, every = post.getlist("column"), post.getlist("columns")
        size = post.get("size", "")
        value = {
            "hidden": [name for name in every if name not in shown][:40],
            "dense": post.get("dense") == "on",
            "size": int(size) if size.isdecimal() and int(size) in PAGE_SIZES else PAGE_SIZES[0],
            "sort": post.get("sort", "")[:60],
        }
        preferences.set_preference(user=self.request.user, name=f"lists.{self.noun}", value=value)
        return self.back(post.get("query", "")[:2000])


class SaveViewView(_ListView):
    def act(self):
        post = self.request.POST
        view = preferences.save_view(
            user=self.request.user,
            group=self.group,
            noun=self.noun,
            name=post.get("name", ""),
            query=post.get("query", ""),
            shared=post.get("shared") == "on",
        )
        messages.success(self.request, _("The view %(name)s is saved.") % {"name": view.name})
        return self.back(view.query)


class DeleteViewView(_ListView):
    def act(self):
        view = self.one(self.scope(SavedView, Permission.GROUP_READ), pk=self.kwargs["pk"], noun=self.noun)
        preferences.delete_view(user=self.request.user, view=view)
        messages.success(self.request, _("The view %(name)s is deleted.") % {"name": view.name})
        return self.back()
