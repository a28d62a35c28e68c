"""What can be done with a row of a list, beside it: a button whose menu the browser opens by itself, so it works without script.

The menu is a popover: the box that a wide table scrolls in would cut off anything else.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.middleware.csrf import get_token
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from frontend.templatetags.portal import can, icon, why_not


@dataclass(frozen=True, slots=True)
class Verb:
    """One line of a menu: a link to `url`, a button that posts to it, or one that copies `copies`."""

    words: str | Promise
    icon: str
    url: str = ""
    #: what it needs; whoever may not is told why
    permission: str = ""
    post: bool = False
    copies: str = ""
    #: a line above it, and red: it takes something away
    danger: bool = False


class Menus:
    """The menus of one table. What is asked once for all rows is kept."""

    def __init__(self, context):
        self.context = context
        self.refusals: dict[str, str] = {}
        self.form = format_html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', get_token(context["request"]))

    def menu(self, key: object, name: str, verbs: list[Verb]) -> str:
        """`key` tells the row from others on the page; `name` is how people say it."""
        told = gettext("What can be done with %(name)s") % {"name": name}
        return format_html(
            '<button type="button" class="row-open" popovertarget="row-{}" aria-label="{}" title="{}">{}</button>'
            '<div id="row-{}" popover class="menu-list row-list"><p class="menu-title">{}</p>{}</div>',
            *(key, told, told, icon("dots"), key, name),
            format_html_join("", "{}", ((self.line(verb),) for verb in verbs)),
        )

    def line(self, verb: Verb) -> str:
        words = format_html("{} {}", icon(verb.icon), verb.words)
        if verb.copies:
            return format_html('<button type="button" data-copy="{}">{}</button>', verb.copies, words)
        if reason := self.refusal(verb.permission):
            return format_html(
                '<button type="button" aria-disabled="true" title="{}">{}<span class="visually-hidden">. {}</span></button>',
                reason,
                words,
                reason,
            )
        if verb.post:
            return format_html('<form method="post" action="{}">{}<button type="submit">{}</button></form>', verb.url, self.form, words)
        if verb.danger:
            return format_html('<hr><a href="{}" class="trouble">{}</a>', verb.url, words)
        return format_html('<a href="{}">{}</a>', verb.url, words)

    def refusal(self, permission: str) -> str:
        """Why the person may not, or ""."""
        if permission not in self.refusals:
            self.refusals[permission] = "" if not permission or can(self.context, permission) else why_not(self.context, permission)
        return self.refusals[permission]
