"""REST of environments, images' builds and operations. A view validates, calls an action, answers."""

from __future__ import annotations

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.http import StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, status
from rest_framework.response import Response

from deployments import steplog
from deployments.actions import environments, images, operations, proposals
from deployments.api import serializers
from deployments.models import Environment, Operation
from deployments.proposals import may_have_one
from deployments.steps import step_log_path
from portal.accounts.permissions import Permission
from portal.api.editing import TaggedMixin
from portal.api.views import ScopedViewSet
from portal.errors import BadRequest, NotFound
from portal.names import find, parse_id
from registry.api.views import ImageViewSet as RegistryImageViewSet
from registry.models import Manifest

OPERATIONS = Operation.objects.select_related("group", "image", "service", "environment", "created_by", "followed_by").prefetch_related(
    "steps"
)


def accepted(operation: Operation, extra: dict | None = None) -> Response:
    """202 with `Operation-Location`, as everything that starts work answers."""
    operation = OPERATIONS.get(pk=operation.pk)
    path = reverse("deployments_api:operation", args=[operation.group.name, operation.pk])
    body = {**serializers.OperationSerializer(operation).data, **(extra or {})}
    return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Operation-Location": f"{settings.PORTAL_URL}{path}"})


def environment_of(view, said: str | None) -> Environment:
    """By name or uuid; without one, the group's default."""
    visible = Environment.objects.allowing(view.request.user, Permission.ENVIRONMENT_READ).filter(group=view.group)
    if not said:
        found = visible.order_by("-is_default", "name").first()
        if found is None:
            raise BadRequest(_("This group has no environment yet. An Owner can create one."), field="environment")
        return found
    return find_named(visible, said, "environment")


def find_named(queryset, said: str, noun: str):
    """Environments and services are said by name; the uuid is accepted in the same place."""
    wanted = parse_id(said)
    found = queryset.filter(**wanted).first() if wanted and "id" in wanted else queryset.filter(name=said).first()
    if found is None:
        raise NotFound(
            _("There is no %(noun)s %(said)s, or you may not see it.") % {"noun": noun, "said": said},
            details=[{"code": "NotFound", "message": said, "field": noun}],
        )
    return found


def validated(serializer_class, request) -> dict:
    asked = serializer_class(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


class EnvironmentViewSet(TaggedMixin, ScopedViewSet, mixins.ListModelMixin):
    """Where images are built and services run."""

    permission, noun = Permission.ENVIRONMENT_READ, "environment"
    queryset = Environment.objects.all()
    serializer_class, change_class = serializers.EnvironmentSerializer, serializers.EnvironmentChangeSerializer
    lookup_field = "name"

    def get_object(self):
        return find_named(self.get_queryset(), self.kwargs["name"], self.noun)

    def retrieve(self, request, group=None, name=None):
        environment = self.get_object()
        return self.tagged(environment, self.shown(environment))

    @extend_schema(responses={201: serializers.EnvironmentSerializer})
    def create(self, request, group=None):
        asked = validated(serializers.EnvironmentSerializer, request)
        environment = environments.create_environment(user=request.user, group=self.group, **asked)
        return self.tagged(environment, self.shown(environment), status=status.HTTP_201_CREATED)

    @extend_schema(request=serializers.EnvironmentChangeSerializer)
    def partial_update(self, request, group=None, name=None):
        asked = validated(serializers.EnvironmentChangeSerializer, request)
        with self.unless_changed() as environment:
            environment = environments.update_environment(user=request.user, environment=environment, **asked)
        return self.tagged(environment, self.shown(environment))

    def destroy(self, request, group=None, name=None):
        with self.unless_changed() as environment:
            environments.delete_environment(user=request.user, environment=environment)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses={202: serializers.EnvironmentSerializer})
    def check(self, request, group=None, name=None):
        """Test the connection: a worker looks; `checkedAt` tells when it has."""
        environment = self.get_object()
        environments.test_environment(user=request.user, environment=environment)
        return Response(self.get_serializer(environment).data, status=status.HTTP_202_ACCEPTED)


class ImageViewSet(RegistryImageViewSet):
    """The registry's images, and the building of new ones."""

    @extend_schema(request=serializers.CreateImageSerializer, responses={202: serializers.OperationSerializer})
    def create(self, request, group=None):
        asked = validated(serializers.CreateImageSerializer, request)
        visible = Manifest.objects.allowing(request.user, Permission.MANIFEST_READ).filter(group=self.group)
        operation = images.create_image(
            user=request.user,
            group=self.group,
            manifest=find(visible, asked["manifest"], noun="manifest"),
            environment=environment_of(self, asked.get("environment")),
            name=asked["name"],
            description=asked["description"],
        )
        return accepted(operation)

    def destroy(self, request, group=None, id=None):
        images.delete_image(user=request.user, image=self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)


class OperationViewSet(ScopedViewSet, mixins.ListModelMixin):
    """Asynchronous work: NotStarted, Running, Succeeded, Failed, Cancelled."""

    permission, noun = Permission.OPERATION_READ, "operation"
    queryset = OPERATIONS
    serializer_class = serializers.OperationSerializer
    lookup_field = "id"
    filterset_fields = ["kind", "state"]

    def paginate_queryset(self, queryset):
        page = super().paginate_queryset(queryset)
        prefetch_related_objects([row for row in page or () if may_have_one(row)], "manifest__files__asset")
        return page

    def get_object(self):
        wanted = parse_id(self.kwargs["id"])
        found = self.get_queryset().filter(**wanted).first() if wanted and "id" in wanted else None
        if found is None:
            raise NotFound(_("There is no operation %(id)s, or you may not see it.") % {"id": self.kwargs["id"]})
        return found

    def retrieve(self, request, group=None, id=None):
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={200: serializers.OperationSerializer})
    def cancel(self, request, group=None, id=None):
        operations.cancel_operation(user=request.user, operation=self.get_object())
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses={202: serializers.OperationSerializer})
    def rerun(self, request, group=None, id=None):
        return accepted(operations.rerun_operation(user=request.user, operation=self.get_object()))

    @extend_schema(request=None, responses={202: serializers.OperationSerializer})
    def apply_proposal(self, request, group=None, id=None):
        """Changes what the failed build proposes, in a new manifest, and builds that."""
        return accepted(proposals.apply_proposal(user=request.user, operation=self.get_object()))

    @extend_schema(responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, description="The step's log so far")})
    def log(self, request, group=None, id=None, order=None):
        """The log of one step, as text."""
        step = self.get_object().steps.filter(order=order).first()
        if step is None:
            raise NotFound(_("This operation has no step %(order)s.") % {"order": order})
        path = step_log_path(step)
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Disposition": f'attachment; filename="{path.name}"'}
        return StreamingHttpResponse(steplog.text_of(path), headers=headers)
