"""Builds an image in named steps: resolve, environment, bundle, probe, push.

Locks are kept per (requirements, base, platform, index settings), environments per
(base, lock, platform, recipe), so a new version of a model with known dependencies
costs only the bundle's layer. Nothing half-made stays, whatever happens.
"""

from __future__ import annotations

import hashlib
import time

from django.conf import settings
from django.db import transaction
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import scoring
from deployments import engines
from deployments.builds import cures
from deployments.builds.builders.base import Base, Builder, BuildFailed, Built, EnvironmentImage
from deployments.builds.context import make_bundle
from deployments.models import Operation, OperationStep, PackageLock, Service
from deployments.steps import Journal
from portal.told import together, told
from registry.actions.images import discard_image_draft, record_built_image
from registry.models import Image, Manifest, ManifestFile
from registry.requirements_files import line_of
from registry.runtimes import RUNTIMES
from registry.storage import open_asset

#: as long as a replica may take to be ready; Spark on a busy machine takes minutes
PROBE_SECONDS = 300


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def build(operation: Operation, journal: Journal) -> None:
    """Work for `Operation.Kind.IMAGE`; raises BuildFailed, Unavailable or Cancelled."""
    image, environment = operation.image, operation.environment
    if image is None or environment is None:
        raise BuildFailed(told("What was to be built, or where, has been deleted meanwhile."))
    if image.is_built:
        return  # an earlier attempt did all of it and broke off behind it
    manifest = Manifest.objects.prefetch_related("files__asset", "uses__version__model").get(pk=image.manifest_id)
    builder = engines.builder(environment.target)
    begun = time.monotonic()
    try:
        base, lock = _resolve(builder, manifest, journal)
        packages = _environment(builder, base, lock, journal)
    except BuildFailed as error:
        raise _with_line(error, manifest) from None
    built: Built | None = None
    try:
        built, bundle_digest = _bundle(builder, packages, manifest, operation, journal)
        answer = _probe(builder, built, manifest, journal)
        pushed = _push(builder, built, journal)
        with transaction.atomic():
            operation.hold()
            record_built_image(
                image,
                location=pushed.location,
                digest=pushed.digest,
                bundle_digest=bundle_digest,
                size=pushed.size,
                platform=base.platform,
                base=base.reference,
                packages=[{"name": package.name, "version": package.version} for package in packages.packages],
                probe=answer,
                build_seconds=round(time.monotonic() - begun, 2),
                held_by=None if settings.REGISTRY and builder.image_format == "oci" else environment.pk,
            )
    except BaseException:
        if built is not None:
            builder.discard(built.location)
        raise


def _with_line(error: BuildFailed, manifest: Manifest) -> BuildFailed:
    """Points at the line of the person's own file that asks for the package."""
    file = manifest.file(ManifestFile.Role.PIP) or manifest.file(ManifestFile.Role.CONDA)
    if error.package and file and error.line is None:
        with open_asset(file.asset) as opened:
            error.file, error.line = file.path, line_of(opened.read(), error.package)
    own = next(
        (line for line in scoring.requirements() if canonicalize_name(Requirement(line).name) == canonicalize_name(error.package or "-")),
        "",
    )
    if own:
        more = told("The scoring runtime in every image needs %(own)s: leave the package out, or allow such a version.", own=own)
        error.message = together(error.message, more)
    return error


def abandon(operation: Operation, reason: str) -> None:
    """Failed or cancelled for good: the drafted image goes, and a service that waits for it learns why."""
    image = Image.objects.filter(pk=operation.image_id, digest="").first()
    if image:
        discard_image_draft(image)
    waiting = (operation.then or {}).get("service")
    if waiting:
        Service.objects.filter(pk=waiting, revisions=None).update(trouble=f"Its first image could not be built: {reason}"[:500])


def _resolve(builder: Builder, manifest: Manifest, journal: Journal) -> tuple[Base, str]:
    with journal.step("resolve", "Resolve packages") as step:
        base = builder.base(manifest.runtime, manifest.python, journal)
        journal.line(f"Base: {base.reference} ({base.digest[:19]}), Python {base.python}, {base.platform}")
        for note in manifest.requirement_notes:
            journal.line(f"Note: {note}")
        own = [*RUNTIMES[manifest.runtime].requirements, *scoring.requirements()]
        requirements = "\n".join([*manifest.requirements.splitlines(), *own]) + "\n"
        key = _digest(requirements, base.digest, base.platform, builder.index_identity(), str(builder.recipe))
        kept = PackageLock.objects.filter(pk=key).first()
        if kept:
            step.state, step.note = OperationStep.State.SKIPPED, f"The lock of {kept.created_at:%Y-%m-%d %H:%M} UTC is reused."
            journal.line(step.note)
            journal.line(kept.text)
            return base, kept.text
        try:
            lock = builder.resolve(base, requirements, journal)
        except BuildFailed as error:
            error.cure = cures.for_resolving(error, builder, base, manifest, requirements, journal)
            raise
        PackageLock.objects.get_or_create(key=key, defaults={"text": lock})
        return base, lock


def _environment(builder: Builder, base: Base, lock: str, journal: Journal) -> EnvironmentImage:
    with journal.step("environment", "Install packages") as step:
        key = _digest(base.digest, lock, base.platform, str(builder.recipe))
        kept = builder.find_environment(base, key)
        if kept:
            step.state, step.note = OperationStep.State.SKIPPED, f"The environment {key[:12]} is reused: {len(kept.packages)} packages."
            journal.line(step.note)
            return kept
        installed = builder.install(base, lock, key, journal)
        step.note = f"{len(installed.packages)} packages"
        return installed


def _bundle(builder: Builder, packages: EnvironmentImage, manifest: Manifest, operation: Operation, journal: Journal) -> tuple[Built, str]:
    image = operation.image
    with journal.step("bundle", "Add model and scoring file") as step:
        bundle = make_bundle(manifest, image=str(image))
        size = sum(file.size for file in bundle.files)
        journal.line(f"{len(bundle.files)} files, {size:,} bytes, bundle {bundle.digest[:19]}")
        labels = {"modelport.group": image.group.name, "modelport.image": str(image), "modelport.manifest": str(manifest)}
        # With the fence: what a late worker clears away must not be what the one after it has made.
        built = builder.bundle(packages, bundle, name=f"{image.pk.hex}.{operation.fence}", labels=labels, report=journal)
        step.note = f"{len(bundle.files)} files"
        return built, bundle.digest


def _probe(builder: Builder, built: Built, manifest: Manifest, journal: Journal) -> dict:
    with journal.step("probe", "Start it once and try the sample"):
        probe = builder.probe(built, memory=settings.BUILD_SETTINGS["memory"], timeout=PROBE_SECONDS, report=journal)
        if not probe.ok:
            message, file = probe.message or told("The scoring file failed when it was started."), manifest.driver
            error = BuildFailed(message, code="ProbeFailed", file=file.path, line=cures.line_in(message, file.path))
            error.cure = cures.for_starting(message, manifest)
            raise error
        return {"sample_result": probe.sample_result, **probe.details}


def _push(builder: Builder, built: Built, journal: Journal) -> Built:
    with journal.step("push", "Keep the image") as step:
        pushed = builder.push(built, journal)
        step.note = pushed.location[:200]
        journal.line(f"{pushed.location} {pushed.digest}")
        return pushed
