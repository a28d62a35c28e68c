"""Upload sets over REST. In production the PUT is answered by registry.asgi_uploads, which streams; the rules are the same."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from portal.api.views import GroupMixin
from registry.actions.uploads import delete_upload_set, find_upload_set, open_upload_set, remove_uploaded_file
from registry.api.receiving import RawParser
from registry.api.serializers import UploadedFileSerializer, UploadSetSerializer
from registry.models import UploadSet
from registry.storage import Incoming
from registry.uploads import Receiving

PATH = OpenApiParameter("path", str, OpenApiParameter.PATH, description="The file's relative path")
SHA256 = OpenApiParameter(
    "X-Content-SHA256", str, OpenApiParameter.HEADER, description="What the bytes must hash to; nothing is kept if they do not"
)
CHUNK = 2**20


class UploadSetViewSet(GroupMixin, GenericViewSet):
    """One's own upload sets: open one, PUT files into it, name it when registering."""

    queryset = UploadSet.objects.all()
    serializer_class = UploadSetSerializer
    lookup_url_kwarg = "id"
    filter_backends: list = []

    def get_object(self) -> UploadSet:
        return find_upload_set(user=self.request.user, group=self.group, said=self.kwargs["id"])

    @extend_schema(summary="Open an upload set", request=None, responses={201: UploadSetSerializer})
    def create(self, request, group=None):
        found = open_upload_set(user=request.user, group=self.group)
        return Response(self.get_serializer(found).data, status=status.HTTP_201_CREATED)

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
        receiving = Receiving.begin(
            user=request.user,
            group=group,
            said=id,
            path=path,
            length=request.headers.get("Content-Length") or None,
            sha256=request.headers.get("X-Content-SHA256"),
        )
        with Incoming() as incoming:
            while chunk := request._request.read(CHUNK):
                incoming.write(chunk)
            return Response(receiving.finish(incoming))

    @extend_schema(summary="Take a file out of an upload set", parameters=[PATH])
    def destroy(self, request, group=None, id=None, path=""):
        remove_uploaded_file(user=request.user, upload_set=self.get_object(), path=path)
        return Response(status=status.HTTP_204_NO_CONTENT)
