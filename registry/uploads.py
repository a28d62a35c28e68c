"""Files on their way in: the rules of one upload, and the handler for multipart forms.

`receive_form_files` is for a form; `Receiving` is one file of an upload set, driven by the ASGI endpoint (which streams)
and by the ordinary view (the same rules). Files that arrive in pieces are in `tus.py`, under the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile as DjangoUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.utils.translation import gettext as _

from portal.accounts.models import ResourceGroup
from portal.accounts.permissions import Permission, require
from portal.errors import BadRequest, NotFound
from registry.actions.resumable import SHA256, check_room
from registry.actions.uploads import add_uploaded_file, check_open, clean_upload_path, find_upload_set
from registry.faults import Faults
from registry.models import Asset, UploadSet
from registry.storage import Incoming, finish_all
from registry.usage import known_to


@dataclass(slots=True)
class Receiving:
    """One file that may be received whole: everything that can be refused before the first byte has been."""

    user: object
    upload_set: UploadSet
    path: str
    size: int | None
    sha256: str | None

    @classmethod
    def begin(cls, *, user, upload_set: UploadSet, said: str, headers: Mapping[str, str]) -> Receiving:
        """`said` is the path. Raises NotFound, NotAllowed, Conflict, BadRequest, TooLarge or InsufficientStorage."""
        check_open(user=user, upload_set=upload_set)
        path = clean_upload_path(said)
        sha256, length = headers.get("X-Content-SHA256"), headers.get("Content-Length") or None
        if sha256 is not None and not SHA256.fullmatch(sha256):
            raise BadRequest(_("X-Content-SHA256 must be 64 hexadecimal digits."), field="X-Content-SHA256")
        if length is not None and not (length.isascii() and length.isdecimal() and len(length) < 19):
            raise BadRequest(_("Content-Length must be a whole number."), field="Content-Length")
        size = int(length) if length is not None else None
        check_room(user=user, size=size)
        return cls(user, upload_set, path, size, sha256)

    is_done = False

    def open(self) -> Incoming:
        return Incoming()

    def finish(self, incoming: Incoming) -> tuple[int, dict | None, dict[str, str]]:
        """Keeps what arrived and puts it into the set; (status, body, headers) of the answer."""
        incoming.check(expected_sha256=self.sha256, expected_size=self.size)
        known = known_to(self.user, incoming.sha256)
        asset = incoming.finish()
        add_uploaded_file(user=self.user, upload_set=self.upload_set, path=self.path, asset=asset)
        return 200, {"path": self.path, "size": asset.size, "sha256": asset.sha256, "alreadyStored": known}, {}


def own_set(user, *, group: str, said: str) -> UploadSet:
    """The person's own upload set, by the words of an address. Raises NotFound or NotAllowed."""
    row = ResourceGroup.objects.allowing(user, Permission.GROUP_READ).filter(name=group).first()
    if row is None:
        raise NotFound(_("There is no resource group %(group)s, or you may not see it.") % {"group": group})
    require(user, Permission.MODEL_WRITE, row)
    return find_upload_set(user=user, group=row, said=said)


class FormFile(DjangoUploadedFile):
    """A file of a multipart form that lies hashed in the staging folder. It is stored when `keep_all` gets it, and dropped otherwise."""

    def __init__(self, incoming: Incoming, name: str, content_type: str | None, size: int, charset: str | None):
        super().__init__(file=None, name=name, content_type=content_type, size=size, charset=charset)
        self.incoming = incoming

    def close(self) -> None:
        self.incoming.abort()


class BlobUploadHandler(FileUploadHandler):
    """Hashes and stages each file of a multipart form while it arrives.

    Set it before the body is read: `request.upload_handlers = [BlobUploadHandler(request)]`.
    """

    chunk_size = 2**20

    def new_file(self, *args, **kwargs) -> None:
        super().new_file(*args, **kwargs)
        self.incoming = Incoming()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            self.incoming.write(raw_data)
        except BaseException:
            # Django's parser closes the files that are complete, not the one that is arriving.
            self.incoming.abort()
            raise

    def file_complete(self, file_size: int) -> FormFile:
        self.incoming.close()
        return FormFile(self.incoming, self.file_name, self.content_type, file_size, self.charset)

    def upload_interrupted(self) -> None:
        if getattr(self, "incoming", None) is not None:
            self.incoming.abort()


def receive_form_files(files, *, field: str = "files", paths: Sequence[str] = (), sha256: Sequence[str] = ()) -> list[tuple[str, Asset]]:
    """[(path, asset)] of a form's files, stored now; call it after the permission was checked.

    `files` is request.FILES (the files of `field`) or any iterable of uploaded files. A form sends
    only base names; `paths` gives each file, in order, its relative path, and `sha256` what it must hash to.
    """
    found: Iterable = files.getlist(field) if hasattr(files, "getlist") else files
    found = [file for file in found if file is not None]
    if paths and len(paths) != len(found):
        raise ValidationError(
            {
                field: _("There are %(count)s files and %(count_)s paths; give one path a file.")
                % {"count": len(found), "count_": len(paths)}
            }
        )
    if sha256 and len(sha256) != len(found):
        raise ValidationError(
            {
                field: _("There are %(count)s files and %(count_)s digests; give one digest a file.")
                % {"count": len(found), "count_": len(sha256)}
            }
        )
    faults = Faults()
    kept = []
    for index, file in enumerate(found):
        with faults.on(field):
            try:
                path = clean_upload_path(paths[index] if paths else file.name)
            except BadRequest as error:
                raise ValidationError(error.message) from None
            kept.append((path, file))
    faults.check()
    arrived = [file.incoming if isinstance(file, FormFile) else _received(file) for _, file in kept]
    for incoming, expected in zip(arrived, sha256, strict=False):
        incoming.check(expected_sha256=expected)
    return list(zip((path for path, _ in kept), finish_all(arrived), strict=True))


def _received(file: DjangoUploadedFile) -> Incoming:
    incoming = Incoming()
    try:
        for chunk in file.chunks():
            incoming.write(chunk)
        incoming.close()
    except BaseException:
        incoming.abort()
        raise
    return incoming


def read_small(file, most: int) -> bytes:
    """The bytes of a small form file (score.py, a schema), without storing it; at most `most` + 1 of them."""
    if isinstance(file, FormFile):
        return file.incoming.peek(most + 1)
    return file.read(most + 1)
