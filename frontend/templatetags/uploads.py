"""What pages about files need: the drop zone's limits and its sentences in the page's language, and names of paths."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.utils.html import json_script
from django.utils.translation import gettext as _

from frontend.templatetags.portal import in_units

register = template.Library()


@register.simple_tag(takes_context=True)
def once(context, what: str) -> bool:
    """True the first time a page asks: two drop zones share one dialog and one set of sentences."""
    done = context["request"].__dict__.setdefault("_drawn_once", set())
    return what not in done and not done.add(what)


@register.filter
def base_name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


@register.filter
def is_list(value) -> bool:
    return isinstance(value, list | tuple)


@register.simple_tag
def upload_limits() -> dict:
    return {
        "bytes": settings.MAX_FILE_BYTES,
        "files": settings.MAX_FILES,
        "size": in_units(settings.MAX_FILE_BYTES),
        "count": f"{settings.MAX_FILES:,}",
    }


@register.simple_tag
def upload_words() -> str:
    """The sentences of assets/src/lib/uploads; {gaps} are filled there."""
    words = {
        "one_file": _("1 file"),
        "files": _("{n} files"),
        "seconds": _("{n} s"),
        "minutes": _("{n} min"),
        "hours": _("{n} h"),
        "of": _("{done} of {all}"),
        "total": _("{done} of {files}, {sent} of {size}"),
        "about": _("about {left} left"),
        "all_stored": _("all stored"),
        "more": _("and {n} more files"),
        "pause": _("Pause"),
        "resume": _("Resume"),
        "retry": _("Retry"),
        "remove": _("Remove"),
        "choose": _("Choose the file"),
        "discard": _("Discard"),
        "go_on": _("Use it"),
        "pause_path": _("Pause {path}"),
        "resume_path": _("Resume {path}"),
        "retry_path": _("Retry {path}"),
        "remove_path": _("Remove {path}"),
        "choose_path": _("Choose {path} again"),
        "checking": _("Checking SHA-256…"),
        "paused": _("Paused"),
        "missing": _("Stopped at {n} %. Choose the file again to go on."),
        "stored": _("stored"),
        "known": _("identical content was here, stored once"),
        "uploading": _("Uploading, {n} %"),
        "lost": _("Connection lost. Trying again…"),
        "broke": _("The connection broke. Press Retry to go on."),
        "changed": _("This file changed while it was uploading, or it is gone. Choose it again."),
        "mismatch": _("What arrived is not what was sent: the SHA-256 differs. Press Retry."),
        "too_many": _("{n} files are more than the {most} that this portal takes at once."),
        "too_large": _("{path} is larger than {most}, the most that this portal takes. Whoever runs it can raise the limit."),
        "stopped": _("{path} ({size}) stopped at {n} %."),
        "unregistered": _("{path} ({size}) has arrived and is not registered yet."),
        "removed_at": _("Removed {time} when it is not used."),
        "more_sets": _("Other uploads that were not registered ({n})"),
        "choose_again": _("Choose the same {files} ({size}) again; the upload goes on where it stopped."),
        "pickle": _("Runs code when loaded. It will only be opened inside the image."),
        "empty": _("The file is empty."),
        "bad_header": _("This does not begin as a safetensors file does."),
        "tensors": _("{n} tensors, {parameters} parameters, {types}"),
        "onnx": _("ONNX by {producer}; inputs: {inputs}; outputs: {outputs}"),
    }
    return json_script(words, "upload-words")
