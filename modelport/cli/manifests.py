"""modelport manifest ..."""

from pathlib import Path
from typing import Optional

import typer

from ..uploads import existing, fault, inside
from . import onestep
from . import options as o
from .session import Session, command, given, part

app = part("Manifests: models, score.py, schema and packages, written down once.")
COLUMNS = ("ref", "id", "runtime", "python", "models", "createdAt", "description")


@command(app, "create", COLUMNS)
def create(
    session: Session,
    manifest_name: str = typer.Option(..., "-n", "--manifest-name", help="Its name; the same name again makes the next number."),
    driver: str = typer.Option(..., "-f", "--driver", help="score.py, with init() and run()."),
    runtime: str = o.RUNTIME,
    schema_file: Optional[str] = o.SCHEMA,
    pip_file: Optional[str] = o.PIP,
    conda_file: Optional[str] = o.CONDA,
    dependency: list[str] = o.DEPENDENCY,
    model_id: list[str] = typer.Option(
        [], "-i", "--model-id", help="A registered model, iris:3 or its uuid; may be repeated.", show_default=False
    ),
    model_file: list[str] = o.MODEL_FILE,
    python: Optional[str] = o.PYTHON,
    description: str = typer.Option("", "--manifest-description", help="Words about it.", show_default=False),
):
    """Write a manifest. Model files are registered first, each under its own name."""
    return session.portal.manifests.create(
        manifest_name,
        driver,
        on_file=session.on_file,
        models=[*model_id, *onestep.register(session, model_file)],
        **given(
            schema=schema_file,
            pip_file=pip_file,
            conda_file=conda_file,
            files=dependency,
            runtime=runtime,
            python=python,
            description=description,
        ),
    )


@command(app, "generate")
def generate(
    session: Session,
    model_id: str = typer.Option(..., "-i", "--model-id", help="A registered model, iris:3 or its uuid."),
    folder: str = typer.Option(".", "-d", "--folder", help="Where the files are written. Nothing is written over."),
    sample: Optional[str] = typer.Option(None, "--sample", help="A file with a request or rows (JSON), or CSV.", show_default=False),
):
    """Write score.py, requirements.txt and service_schema.json for a model, from the model's own files."""
    text = existing(sample, "sample").read_text("utf-8", "replace") if sample else ""
    found = session.portal.manifests.propose(model_id, sample=text)
    texts = [found[part] for part in ("driver", "dependencies", "schema") if found[part]]
    places = [inside(Path(folder), each["path"]) for each in texts]
    for place in places:
        if place.exists():
            raise fault("folder", f"{place} is there already.")
    for place, each in zip(places, texts):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(each["content"], "utf-8")
        session.say(f"wrote {place}")
    for note in found["notes"]:
        session.say(f"note: {note}")
    told = {key: found[key] for key in ("framework", "models", "runtime", "python", "notes")}
    return {**told, "files": [str(place) for place in places]}


@command(app, "list", COLUMNS)
def list_manifests(session: Session):
    """Manifests, newest first."""
    return session.portal.manifests.list()


@command(app, "show", COLUMNS)
def show(session: Session, manifest_id: str = typer.Option(..., "-i", "--manifest-id", help="iris:3 or a uuid; a name shows the newest.")):
    """One manifest."""
    return session.portal.manifests.get(manifest_id)
