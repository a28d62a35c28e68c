"""Calls that run when pasted: complete, with the schema's sample, the key taken from $MODELPORT_KEY."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Value

from deployments import swagger
from deployments.models import Service

#: stands for a body that nobody has told of
YOURS = "your input"
#: each of these ends a text in single quotes, and two in a row do not
_POWERSHELL_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")


class Raw(str):
    """A body that is no JSON, to be sent as it is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A request that people kept, for a service without a schema."""

    name: str
    is_golden: bool


def body_of(service: Service) -> tuple[object | None, Kept | None]:
    """(the schema's sample, None); without a schema what was kept as a golden request, or as an example for the group; (None, None)."""
    body = swagger.sample(service)
    if body is not None:
        return body, None
    golden, examples = service.golden_requests.all(), service.examples.filter(shared=True)
    firsts = (
        rows.model.objects.filter(pk__in=rows.order_by("name").values("pk")[:1]).order_by().values_list("name", "body", Value(is_golden))
        for rows, is_golden in ((golden, True), (examples, False))
    )
    # A golden request before an example.
    found = max(next(firsts).union(*firsts, all=True), key=lambda row: row[2], default=None)
    if found is None:
        return None, None
    name, text, is_golden = found
    try:
        return json.loads(text), Kept(name, bool(is_golden))
    except ValueError:
        return Raw(text), Kept(name, bool(is_golden))


def _text(body: object | None) -> tuple[str, bool]:
    """(what is sent, whether it is JSON)"""
    if body is None:
        return YOURS, False
    return (str(body), False) if isinstance(body, Raw) else (json.dumps(body, ensure_ascii=False), True)


@dataclass(frozen=True, slots=True)
class Snippet:
    name: str
    language: str
    text: str


def curl(service: Service, body: object | None, key: str = "$MODELPORT_KEY") -> str:
    """One call. A `key` that is no variable stands in the line as it is."""
    lines = [f"curl {shlex.quote(service.scoring_url)}"]
    if service.access == Service.Access.KEY:
        lines.append(f'-H "Authorization: Bearer {key}"')
    lines.append('-H "Content-Type: application/json"')
    lines.append(f"-d {shlex.quote(_text(body)[0])}")
    return " \\\n  ".join(lines)


def python(service: Service, body: object | None) -> str:
    """Standard library only, so that it runs anywhere."""
    with_key = service.access == Service.Access.KEY
    text, is_json = _text(body)
    if not is_json:
        given, data = json.dumps(text, ensure_ascii=False), "body.encode()"
    else:
        given = (
            f"json.loads({json.dumps(text, ensure_ascii=False)})"
            if _unlike_python(body)
            else json.dumps(body, indent=4, ensure_ascii=False)
        )
        data = "json.dumps(body).encode()"
    key = '        "Authorization": "Bearer " + os.environ["MODELPORT_KEY"],\n' if with_key else ""
    return (
        ("import json\nimport os\n" if with_key else "import json\n")
        + "import urllib.error\nimport urllib.request\n\n"
        + f"body = {given}\n"
        + "request = urllib.request.Request(\n"
        + f"    {json.dumps(service.scoring_url)},\n"
        + f"    data={data},\n"
        + f'    headers={{\n{key}        "Content-Type": "application/json",\n    }},\n'
        + ")\n"
        + "try:\n"
        + "    with urllib.request.urlopen(request) as answer:\n"
        + "        print(json.load(answer))\n"
        # Without this nobody sees which field is wrong, only the number.
        + "except urllib.error.HTTPError as refused:\n"
        + "    raise SystemExit(refused.read().decode())"
    )


def _unlike_python(body) -> bool:
    """true, false and null are written otherwise in Python."""
    if isinstance(body, dict):
        return any(map(_unlike_python, body.values()))
    if isinstance(body, list):
        return any(map(_unlike_python, body))
    return body is None or isinstance(body, bool)


def javascript(service: Service, body: object | None) -> str:
    """Node 18 and browsers; a browser's page must be one of the service's allowed origins."""
    text, is_json = _text(body)
    data = f"JSON.stringify({json.dumps(body, indent=2, ensure_ascii=False)})" if is_json else json.dumps(text, ensure_ascii=False)
    key = "    Authorization: `Bearer ${process.env.MODELPORT_KEY}`,\n" if service.access == Service.Access.KEY else ""
    return (
        f"const answer = await fetch({json.dumps(service.scoring_url)}, {{\n"
        + '  method: "POST",\n'
        + f'  headers: {{\n{key}    "Content-Type": "application/json",\n  }},\n'
        + f"  body: {data},\n"
        + "});\n"
        + "console.log(await answer.json());"
    )


def powershell(service: Service, body: object | None) -> str:
    """Windows PowerShell 5 and PowerShell 7."""
    data = _text(body)[0]
    key = ' -Headers @{ Authorization = "Bearer $env:MODELPORT_KEY" }' if service.access == Service.Access.KEY else ""
    return (
        "$body = '" + _POWERSHELL_QUOTES.sub(r"\g<0>\g<0>", data) + "'\n"
        f"Invoke-RestMethod -Method Post -Uri '{service.scoring_url}'{key} `\n"
        "  -ContentType 'application/json; charset=utf-8' -Body ([Text.Encoding]::UTF8.GetBytes($body))"
    )


def client(service: Service, body: object | None) -> str:
    """The command line; it takes a session key by itself."""
    return (
        f"# once, in a checkout of Modelport: pip install ./modelport && modelport login --url {settings.PORTAL_URL}\n"
        f"modelport service run realtime -g {service.group.name} -n {service.name} -d {shlex.quote(_text(body)[0])}"
    )


def all_of(service: Service, body: object | None) -> list[Snippet]:
    return [*for_anybody(service, body), Snippet("Command line", "shell", client(service, body))]


def for_anybody(service: Service, body: object | None) -> list[Snippet]:
    """Without what needs an account of the portal."""
    return [
        Snippet("curl", "shell", curl(service, body)),
        Snippet("Python", "python", python(service, body)),
        Snippet("JavaScript", "javascript", javascript(service, body)),
        Snippet("PowerShell", "powershell", powershell(service, body)),
    ]
