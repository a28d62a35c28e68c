"""Upload sets over REST. In production the PUT is answered by registry.asgi_uploads, which streams; the rules are the same."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from portal.api.views import GroupMixin
from registry import tus
from registry.actions.resumable import begin_resumable_upload, check_room, drop_resumable_upload, find_resumable_upload
from registry.actions.uploads import (
    add_uploaded_files,
    check_open,
    delete_upload_set,
    find_upload_set,
    open_sets,
    open_upload_set,
    remove_uploaded_file,
)
from registry.api.receiving import FilesMixin, RawParser
from registry.api.serializers import (
    ResumableUploadSerializer,
    SendFilesSerializer,
    UploadedFileSerializer,
    UploadSetSerializer,
    UploadSetSummarySerializer,
)
from registry.models import UploadSet
from registry.uploads import Receiving, own_set, receive_form_files
from registry.usage import known_among

PATH = OpenApiParameter("path", str, OpenApiParameter.PATH, description="The file's relative path")
SHA256 = OpenApiParameter(
    "X-Content-SHA256", str, OpenApiParameter.HEADER, description="What the bytes must hash to; nothing is kept if they do not"
)
CHUNK = 2**20


def take(request, arriving) -> Response:
    """The body of a PUT or PATCH, where no ASGI server stands before Django."""
    incoming = arriving.open()
    try:
        while chunk := request._request.read(CHUNK):
            incoming.write(chunk)
        code, body, headers = arriving.finish(incoming)
        return Response(body, status=code, headers=headers)
    finally:
        incoming.abort()


class UploadSetViewSet(GroupMixin, GenericViewSet):
    """One's own upload sets: open one, PUT files into it, name it when registering."""

    queryset = UploadSet.objects.all()
    serializer_class = UploadSetSerializer
    lookup_url_kwarg = "id"
    pagination_class = None
    filter_backends: list = []

    def get_object(self) -> UploadSet:
        return find_upload_set(user=self.request.user, group=self.group, said=self.kwargs["id"])

    @extend_schema(summary="Open an upload set", request=None, responses={201: UploadSetSerializer})
    def create(self, request, group=None):
        found = open_upload_set(user=request.user, group=self.group)
        return Response(self.get_serializer(found).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="One's own upload sets that are still open, newest first", responses=UploadSetSummarySerializer(many=True))
    def list(self, request, group=None):
        return Response(UploadSetSummarySerializer(open_sets(request.user, self.group), many=True).data)

    @extend_schema(summary="An upload set and its files")
    def retrieve(self, request, group=None, id=None):
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(summary="Delete an upload set")
    def destroy(self, request, group=None, id=None):
        delete_upload_set(user=request.user, upload_set=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class UploadedFileViewSet(UploadSetViewSet):
    """The files of an upload set."""

    parser_classes = [RawParser]
    serializer_class = UploadedFileSerializer

    @extend_schema(
        summary="Send a file: the raw bytes, of any length",
        parameters=[PATH, SHA256],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses=UploadedFileSerializer,
    )
    def update(self, request, group=None, id=None, path=""):
        upload_set = own_set(request.user, group=group, said=id)
        return take(request, Receiving.begin(user=request.user, upload_set=upload_set, said=path, headers=request.headers))

    @extend_schema(summary="Take a file out of an upload set", parameters=[PATH])
    def destroy(self, request, group=None, id=None, path=""):
        remove_uploaded_file(user=request.user, upload_set=self.get_object(), path=path)
        return Response(status=status.HTTP_204_NO_CONTENT)


class UploadedFilesViewSet(FilesMixin, UploadSetViewSet):
    """Many small files in one request."""

    serializer_class = UploadedFileSerializer

    @extend_schema(
        summary="Send many small files in one request",
        request={"multipart/form-data": SendFilesSerializer},
        responses=UploadedFileSerializer(many=True),
    )
    def create(self, request, group=None, id=None):
        upload_set = own_set(request.user, group=group, said=id)
        check_open(user=request.user, upload_set=upload_set)
        length = request.headers.get("Content-Length") or ""
        check_room(user=request.user, size=int(length) if length.isdecimal() else None)
        asked = SendFilesSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = receive_form_files(**asked.validated_data)
        known = known_among(request.user, (asset.sha256 for _, asset in kept))
        add_uploaded_files(user=request.user, upload_set=upload_set, files=kept)
        return Response(
            [{"path": path, "size": asset.size, "sha256": asset.sha256, "alreadyStored": asset.sha256 in known} for path, asset in kept]
        )


TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, description="1.0.0")
LENGTH = OpenApiParameter("Upload-Length", int, OpenApiParameter.HEADER, required=True, description="The file's size in bytes")
METADATA = OpenApiParameter(
    "Upload-Metadata",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="Keys with base64 values: `path` (the file's relative path), and if known `sha256` and `modified` (the file's own time)",
)
OFFSET = OpenApiParameter("Upload-Offset", int, OpenApiParameter.HEADER, required=True, description="Where this piece begins")


class ResumableUploadViewSet(UploadSetViewSet):
    """Files that may arrive in pieces, by tus 1.0 (creation, termination, expiration)."""

    parser_classes = [RawParser]
    serializer_class = ResumableUploadSerializer

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            tus.check_version(request.headers)

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Tus-Resumable"] = tus.VERSION
        return response

    def upload(self, said: str):
        return find_resumable_upload(upload_set=own_set(self.request.user, group=self.kwargs["group"], said=self.kwargs["id"]), said=said)

    @extend_schema(summary="What this server can do with resumable uploads", request=None, responses={204: None})
    def options(self, request, group=None, id=None, upload=None):
        headers = {"Tus-Version": tus.VERSION, "Tus-Extension": tus.EXTENSIONS, "Tus-Max-Size": str(settings.MAX_FILE_BYTES)}
        return Response(status=status.HTTP_204_NO_CONTENT, headers=headers)

    @extend_schema(
        summary="Begin a resumable upload, or find the one that was begun",
        parameters=[TUS, LENGTH, METADATA],
        request=None,
        responses={201: ResumableUploadSerializer},
    )
    def create(self, request, group=None, id=None):
        said = tus.metadata(request.headers)
        upload = begin_resumable_upload(
            user=request.user,
            upload_set=own_set(request.user, group=group, said=id),
            path=said.get("path", ""),
            size=tus.whole_number(request.headers, "Upload-Length"),
            sha256=said.get("sha256", ""),
            modified=said.get("modified", ""),
        )
        headers = tus.settle(user=request.user, upload=upload)
        headers["Location"] = f"/api/v1/groups/{group}/uploads/{id}/resumable/{upload.pk}"
        return Response(self.get_serializer(upload).data, status=status.HTTP_201_CREATED, headers=headers)

    @extend_schema(summary="Where a resumable upload stands", parameters=[TUS], responses={200: None})
    def head(self, request, group=None, id=None, upload=None):
        return Response(status=status.HTTP_200_OK, headers=tus.settle(user=request.user, upload=self.upload(upload)))

    @extend_schema(
        summary="Send a piece of a file",
        parameters=[TUS, OFFSET],
        request={tus.CONTENT_TYPE: OpenApiTypes.BINARY},
        responses={204: None},
    )
    def partial_update(self, request, group=None, id=None, upload=None):
        upload_set = own_set(request.user, group=group, said=id)
        return take(request, tus.Patch.begin(user=request.user, upload_set=upload_set, said=upload, headers=request.headers))

    @extend_schema(summary="Discard a resumable upload", parameters=[TUS])
    def destroy(self, request, group=None, id=None, upload=None):
        drop_resumable_upload(user=request.user, upload=self.upload(upload))
        return Response(status=status.HTTP_204_NO_CONTENT)
