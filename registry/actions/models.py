"""Model versions: registered once, described at any time, deleted while nothing uses them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from portal.accounts.events import EventTag, record
from portal.accounts.permissions import Permission, require
from registry.actions.aliases import move_alias
from registry.actions.uploads import use_up
from registry.cards import MOST_BYTES as MOST_CARD_BYTES
from registry.cards import README
from registry.faults import Faults
from registry.models import Asset, Card, ModelFile, ModelVersion, RegisteredModel, Tag, UploadSet
from registry.models import Sequence as Numbers
from registry.paths import clean_path, collisions
from registry.storage import read_asset
from registry.usage import refuse_if_used

MOST_TAGS, LONGEST_TAG = 50, 64


@transaction.atomic
def register_model(
    *,
    user,
    group,
    name: str,
    files: Sequence[tuple[str, Asset]] = (),
    upload_set: UploadSet | None = None,
    description: str = "",
    tags: Iterable[str] = (),
    framework: str = "",
    card: str = "",
    alias: str = "",
) -> ModelVersion:
    """The next version of `name`, from `files` (path, asset) or from a whole upload set, which is closed by it.

    `card` is Markdown; without one, a README.md at the top of the folder is the card. `alias` is moved to the new version.

    One file without a folder is a model of kind *file*; everything else is a *folder*,
    named after the first part that all paths share, or after the model.
    """
    require(user, Permission.MODEL_WRITE, group)
    faults = Faults()
    faults.name(name)
    tags = _clean_tags(tags, faults)
    card = _clean_card(card, faults)
    if alias:
        faults.name(alias, "alias")
    if upload_set is not None:
        files = use_up(user=user, group=group, upload_set=upload_set)
    files = clean_files(files, faults, required=True)
    version = ModelVersion(
        group=group, name=name, description=description, framework=framework.strip(), created_by=user, registered_by=str(user)
    )
    _clean_texts(version, faults)
    faults.check()

    version.kind, version.root, files = shape_of(name, files)
    version.digest = content_digest(files)
    version.size = sum(asset.size for _path, asset in files)
    version.file_count = len(files)
    version.model, _created = RegisteredModel.objects.get_or_create(group=group, name=name)
    version.number = Numbers.next(group, "model", name)
    version.gather_words(tags)
    version.save()
    ModelFile.objects.bulk_create([ModelFile(version=version, path=path, asset=asset) for path, asset in files], batch_size=500)
    Tag.objects.bulk_create([Tag(version=version, word=word) for word in tags])
    card = card or _readme(files)
    if card:
        Card.objects.create(version=version, text=card)
    record(user, EventTag.MODEL_REGISTERED, version, group=group, size=version.size, files=version.file_count, digest=version.digest)
    if alias:
        move_alias(user=user, version=version, name=alias)
    return version


@transaction.atomic
def change_model_version(
    *, user, version: ModelVersion, description: str | None = None, tags: Iterable[str] | None = None, card: str | None = None
) -> ModelVersion:
    """Words about a version; its bytes never change. None leaves a part as it is; an empty card takes the card away."""
    require(user, Permission.MODEL_WRITE, version.group)
    faults = Faults()
    changed = []
    if tags is not None:
        tags = _clean_tags(tags, faults)
    if card is not None:
        card = _clean_card(card, faults)
    if description is not None:
        version.description = description
        _clean_texts(version, faults)
    faults.check()
    if description is not None:
        version.save(update_fields=["description"])
        changed.append("description")
    if tags is not None:
        version.tags.all().delete()
        Tag.objects.bulk_create([Tag(version=version, word=word) for word in tags])
        version.__dict__.get("_prefetched_objects_cache", {}).pop("tags", None)
        changed.append("tags")
    if card is not None:
        if card:
            version.card, _created = Card.objects.update_or_create(version=version, defaults={"text": card})
        else:
            Card.objects.filter(version=version).delete()
            version._state.fields_cache.pop("card", None)
        changed.append("card")
    if description is not None or tags is not None:
        version.gather_words(version.tags.values_list("word", flat=True))
        version.save(update_fields=["words"])
    if changed:
        record(user, EventTag.MODEL_CHANGED, version, changed=changed)
    return version


@transaction.atomic
def delete_model_version(*, user, version: ModelVersion) -> None:
    """Refused (409, InUse) while a manifest uses it. The name goes with its last version; its numbers are never given out again."""
    require(user, Permission.MODEL_WRITE, version.group)
    refuse_if_used(version)
    record(user, EventTag.MODEL_DELETED, version, digest=version.digest)
    model = version.model
    version.delete()
    if not model.versions.exists():
        model.delete()


def clean_files(files: Sequence[tuple[str, Asset]], faults: Faults, *, required: bool, field: str = "files") -> list[tuple[str, Asset]]:
    """The files with clean paths, sorted; what is wrong with them goes to `faults`."""
    if required and not files:
        faults.add(field, _("Choose at least one file."))
    if len(files) > settings.MAX_FILES:
        faults.add(field, _("There are %(count)d files; the most is %(most)d.") % {"count": len(files), "most": settings.MAX_FILES})
        return []
    cleaned = []
    for path, asset in files:
        with faults.on(field):
            path = clean_path(path)
            if asset.size == 0 and len(files) == 1 and required:
                raise ValidationError(_("%(path)s is empty.") % {"path": path})
            cleaned.append((path, asset))
    for sentence in collisions((path, "") for path, _asset in cleaned):
        faults.add(field, sentence)
    return sorted(cleaned, key=lambda file: file[0])


def content_digest(files: Sequence[tuple[str, Asset]]) -> str:
    """sha256 over the sorted lines "<sha256>  <path>", as `sha256sum` writes them."""
    lines = "".join(f"{asset.sha256}  {path}\n" for path, asset in sorted(files, key=lambda file: file[0]))
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def shape_of(name: str, files: list[tuple[str, Asset]]) -> tuple[str, str, list[tuple[str, Asset]]]:
    """(kind, root, files relative to the root) of sorted files that are registered as `name`."""
    first = files[0][0]
    if len(files) == 1 and "/" not in first:
        return ModelVersion.Kind.FILE, first, files
    top, slash, _rest = first.partition("/")
    if slash and all(path.startswith(top + "/") for path, _asset in files):
        return ModelVersion.Kind.FOLDER, top, [(path[len(top) + 1 :], asset) for path, asset in files]
    return ModelVersion.Kind.FOLDER, name, files


def _clean_texts(version: ModelVersion, faults: Faults) -> None:
    for field in ("description", "framework"):
        with faults.on(field):
            value = getattr(version, field)
            if "\0" in value:
                raise ValidationError(_("The text holds a null character."))
            if len(value) > version._meta.get_field(field).max_length:
                raise ValidationError(_("Use at most %(most)d characters.") % {"most": version._meta.get_field(field).max_length})


def _clean_card(card: str, faults: Faults) -> str:
    """With line ends as Unix writes them, as a form's field would not."""
    if "\0" in card:
        faults.add("card", _("The text holds a null character."))
    if len(card.encode("utf-8", "replace")) > MOST_CARD_BYTES:
        faults.add("card", _("A card has at most %(most)d KiB.") % {"most": MOST_CARD_BYTES // 1024})
    return card.replace("\r\n", "\n").strip()


def _readme(files: Sequence[tuple[str, Asset]]) -> str:
    asset = dict(files).get(README)
    if asset is None or asset.size > MOST_CARD_BYTES:
        return ""
    return read_asset(asset).decode("utf-8", "replace").replace("\0", "\ufffd").replace("\r\n", "\n").strip()


def _clean_tags(tags: Iterable[str], faults: Faults) -> list[str]:
    words = sorted({word.strip() for word in tags if word.strip()})
    if len(words) > MOST_TAGS:
        faults.add("tags", _("Use at most %(most)d tags.") % {"most": MOST_TAGS})
    for word in words:
        if len(word) > LONGEST_TAG or not word.isprintable() or "," in word:
            sentence = _("%(word)r cannot be a tag: use at most %(most)d printable characters and no comma.")
            faults.add("tags", sentence % {"word": word[:LONGEST_TAG], "most": LONGEST_TAG})
    return words
