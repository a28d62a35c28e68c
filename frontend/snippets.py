"""Calls that run when pasted: complete, with the schema's sample, the key taken from $MODELPORT_KEY."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass

from deployments.models import Service


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
    data = json.dumps(body, ensure_ascii=False) if body is not None else "your input"
    lines.append(f"-d {shlex.quote(data)}")
    return " \\\n  ".join(lines)


def python(service: Service, body: object | None) -> str:
    """Standard library only, so that it runs anywhere."""
    with_key = service.access == Service.Access.KEY
    if body is None:
        # No schema: run() is given the body as it comes.
        given, data = '"your input"', "body.encode()"
    else:
        text = json.dumps(body, ensure_ascii=False)
        given = (
            f"json.loads({json.dumps(text, ensure_ascii=False)})"
            if _unlike_python(body)
            else json.dumps(body, indent=4, ensure_ascii=False)
        )
        data = "json.dumps(body).encode()"
    key = '        "Authorization": "Bearer " + os.environ["MODELPORT_KEY"],\n' if with_key else ""
    return (
        ("import json\nimport os\nimport urllib.request\n\n" if with_key else "import json\nimport urllib.request\n\n")
        + f"body = {given}\n"
        + "request = urllib.request.Request(\n"
        + f"    {json.dumps(service.scoring_url)},\n"
        + f"    data={data},\n"
        + f'    headers={{\n{key}        "Content-Type": "application/json",\n    }},\n'
        + ")\n"
        + "with urllib.request.urlopen(request) as answer:\n"
        + "    print(json.load(answer))"
    )


def _unlike_python(body) -> bool:
    """true, false and null are written otherwise in Python."""
    if isinstance(body, dict):
        return any(map(_unlike_python, body.values()))
    if isinstance(body, list):
        return any(map(_unlike_python, body))
    return body is None or isinstance(body, bool)


def all_of(service: Service, body: object | None) -> list[Snippet]:
    return [Snippet("curl", "shell", curl(service, body)), Snippet("Python", "python", python(service, body))]
