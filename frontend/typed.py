"""What somebody sent after their session had ended, kept until they have signed in again.

A page with script keeps it in the browser (`assets/src/lib/typed.js`). Without script it comes here: the form says, signed, whose
it was, and only that person gets it back, in the same form, once, to look at and to send again. Files and passwords are not kept.
"""

from __future__ import annotations

import time
from datetime import timedelta

from django.core import signing
from django.forms import BaseForm, FileInput, PasswordInput
from django.http import HttpRequest, QueryDict

#: the hidden field that says whose form it is, and where a session keeps what was in it
BY, KEPT = "typed-by", "typed"
#: seconds it is kept, and the most bytes of names and values
LONGEST, MOST = 1800, 2**18
#: how old a form may be; with one that never ends, anybody who has seen it could fill the sessions' table
OLDEST = timedelta(days=7)
_SECRET = ("password", "secret", "token")


def mark(user) -> str:
    """The value of the hidden field."""
    return _signer().sign(str(user.pk))


def keep(request: HttpRequest) -> bool:
    """Of a POST that nobody signed in sends: whether it is kept, in the session that they will sign in to."""
    try:
        who = _signer().unsign(request.POST.get(BY, ""), max_age=OLDEST)
    except signing.BadSignature:
        return False
    pairs = [(name, value) for name, values in request.POST.lists() for value in values if _may_be_kept(name)]
    if sum(len(name.encode()) + len(value.encode(errors="replace")) for name, value in pairs) > MOST:
        return False
    request.session[KEPT] = {"who": who, "path": request.path, "at": int(time.time()), "pairs": pairs}
    return True


def given_back(request: HttpRequest) -> QueryDict | None:
    """What the person had typed at this address. It is not there a second time, nor later, nor for anybody else."""
    kept = request.session.get(KEPT)
    if kept is None or not request.user.is_authenticated:
        return None
    theirs = kept["who"] == str(request.user.pk) and time.time() - kept["at"] < LONGEST
    if theirs and kept["path"] != request.path:
        return None
    del request.session[KEPT]
    if not theirs:
        return None
    found = QueryDict(mutable=True)
    for name, value in kept["pairs"]:
        found.appendlist(name, value)
    return found


def fill(form: BaseForm, data: QueryDict) -> None:
    """The form as if nothing had been sent yet, with these values in it."""
    for name, field in form.fields.items():
        if not isinstance(field.widget, FileInput | PasswordInput):
            value = field.widget.value_from_datadict(data, {}, form.add_prefix(name))
            form.initial[name] = field.bound_data(value, form.initial.get(name))


def _may_be_kept(name: str) -> bool:
    return name not in (BY, "csrfmiddlewaretoken") and not any(word in name.lower() for word in _SECRET)


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="frontend.typed")
