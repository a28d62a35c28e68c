"""Shapes of models, manifests, images and uploads. camelCase on the wire; meaning is the actions'."""

from __future__ import annotations

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from registry import usage
from registry.models import Image, Manifest, ModelVersion, ResumableUpload, UploadSet


class UsedBySerializer(serializers.Serializer):
    """What stands on a thing, nearest first; at most 20 of each."""

    manifests = serializers.ListField(child=serializers.CharField(), required=False)
    images = serializers.ListField(child=serializers.CharField(), required=False)
    services = serializers.ListField(child=serializers.CharField())


def used_by(thing) -> dict:
    found = {"manifests": [], "images": [], "services": []}
    for noun, label in usage.users_of(thing):
        found[f"{noun}s"].append(label)
    return found


class FilesSerializer(serializers.ListSerializer):
    """The files of a thing in one query, and without objects: a folder has up to 10,000."""

    def to_representation(self, data):
        if not isinstance(data, models.Manager):
            return super().to_representation(data)
        sources = {name: field.source.replace(".", "__") for name, field in self.child.fields.items()}
        same = [name for name, source in sources.items() if name == source]
        return list(data.values(*same, **{name: models.F(source) for name, source in sources.items() if name != source}))


class FileSerializer(serializers.Serializer):
    path = serializers.CharField()
    size = serializers.IntegerField(source="asset.size")
    sha256 = serializers.CharField(source="asset.sha256")

    class Meta:
        list_serializer_class = FilesSerializer


class NamedSerializer(serializers.ModelSerializer):
    """What every numbered thing shows: `ref` is what people say, `iris:3`."""

    ref = serializers.CharField(source="__str__", read_only=True, help_text="name:number, accepted wherever an id is")
    version = serializers.IntegerField(source="number", read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    createdBy = serializers.CharField(source="created_by.username", read_only=True, allow_null=True, default=None)


class ModelSerializer(NamedSerializer):
    name = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True, help_text="file or folder")
    root = serializers.CharField(read_only=True, help_text="Its path beside score.py")
    fileCount = serializers.IntegerField(source="file_count", read_only=True)
    tags = serializers.SerializerMethodField()
    aliases = serializers.SerializerMethodField(help_text="The words that point at this version now")

    class Meta:
        model = ModelVersion
        fields = [
            "id",
            "ref",
            "name",
            "version",
            "kind",
            "root",
            "description",
            "framework",
            "tags",
            "aliases",
            "digest",
            "size",
            "fileCount",
            "createdAt",
            "createdBy",
        ]
        read_only_fields = fields

    def get_tags(self, version) -> list[str]:
        return [tag.word for tag in version.tags.all()]

    def get_aliases(self, version) -> list[str]:
        return [alias.name for alias in version.aliases.all()]


class ModelDetailSerializer(ModelSerializer):
    files = FileSerializer(many=True, read_only=True)
    card = serializers.CharField(source="card.text", read_only=True, default="", help_text="Markdown, with front matter")
    usedBy = serializers.SerializerMethodField()

    class Meta(ModelSerializer.Meta):
        fields = [*ModelSerializer.Meta.fields, "card", "files", "usedBy"]
        read_only_fields = fields

    @extend_schema_field(UsedBySerializer)
    def get_usedBy(self, version):
        return used_by(version)


class ModelNameSerializer(serializers.Serializer):
    name = serializers.CharField()
    versions = serializers.IntegerField(source="versions_count")
    latest = serializers.IntegerField(help_text="The highest version number")
    createdAt = serializers.DateTimeField(source="latest_at", help_text="When the newest version was registered")


class RegisterModelSerializer(serializers.Serializer):
    """From an upload set."""

    name = serializers.CharField()
    uploadSet = serializers.UUIDField()
    description = serializers.CharField(required=False, allow_blank=True, default="")
    tags = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    framework = serializers.CharField(required=False, allow_blank=True, default="")
    card = serializers.CharField(
        required=False, allow_blank=True, default="", trim_whitespace=False, help_text="Markdown; without it, README.md of the folder"
    )
    alias = serializers.CharField(required=False, allow_blank=True, default="", help_text="Moved to the new version")


class RegisterModelFormSerializer(serializers.Serializer):
    """With the files in the request."""

    name = serializers.CharField()
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    paths = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="One relative path a file, in the same order"
    )
    description = serializers.CharField(required=False, allow_blank=True, default="")
    tags = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    framework = serializers.CharField(required=False, allow_blank=True, default="")
    card = serializers.CharField(
        required=False, allow_blank=True, default="", trim_whitespace=False, help_text="Markdown; without it, README.md of the folder"
    )
    alias = serializers.CharField(required=False, allow_blank=True, default="", help_text="Moved to the new version")


class ChangeModelSerializer(serializers.Serializer):
    description = serializers.CharField(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    card = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, help_text="Markdown; empty takes it away")


class FollowerSerializer(serializers.Serializer):
    service = serializers.CharField()
    paused = serializers.BooleanField()


class AliasSerializer(serializers.Serializer):
    ref = serializers.CharField(source="__str__", read_only=True, help_text="name@alias, accepted wherever a version is")
    alias = serializers.CharField(source="name", read_only=True)
    version = serializers.CharField(help_text="The version it points at: iris:3 or a uuid of the same model")
    expected = serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        write_only=True,
        help_text="Where it must point now (iris:2), empty for nowhere: 412 when somebody has moved it since",
    )
    movedAt = serializers.DateTimeField(source="moved_at", read_only=True)
    movedBy = serializers.CharField(source="moved_by.username", read_only=True, allow_null=True, default=None)
    followers = serializers.SerializerMethodField(help_text="Services that are updated when it is moved, and those that pause")

    @extend_schema_field(FollowerSerializer(many=True))
    def get_followers(self, alias) -> list[dict]:
        return [{"service": one.service.name, "paused": one.paused} for one in alias.followings.all()]


class ChangeSerializer(serializers.Serializer):
    """One difference. `before` or `after` is null where there is none."""

    what = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)


class FileChangeSerializer(serializers.Serializer):
    path = serializers.CharField()
    change = serializers.CharField(help_text="added, removed or changed")
    before = FileSerializer(source="before_file", allow_null=True)
    after = FileSerializer(source="after_file", allow_null=True)


class ComparisonSerializer(serializers.Serializer):
    before = serializers.CharField()
    after = serializers.CharField()
    facts = ChangeSerializer(many=True)
    schema = ChangeSerializer(many=True)
    files = FileChangeSerializer(many=True)
    unchangedFiles = serializers.IntegerField(source="unchanged_files")
    card = serializers.ListField(child=serializers.CharField(), help_text="Lines of a unified diff")


class ManifestFileSerializer(FileSerializer):
    role = serializers.CharField(help_text="driver, schema, pip, conda or file")


class ManifestSerializer(NamedSerializer):
    models = serializers.SerializerMethodField()

    class Meta:
        model = Manifest
        fields = ["id", "ref", "name", "version", "description", "runtime", "python", "models", "createdAt", "createdBy"]
        read_only_fields = fields

    def get_models(self, manifest) -> list[str]:
        return [str(use.version) for use in manifest.uses.all()]


class ManifestDetailSerializer(ManifestSerializer):
    requirements = serializers.SerializerMethodField(help_text="What will be resolved, a line each")
    notes = serializers.JSONField(source="requirement_notes", read_only=True)
    schema = serializers.JSONField(source="service_schema", read_only=True, allow_null=True)
    files = ManifestFileSerializer(many=True, read_only=True)
    usedBy = serializers.SerializerMethodField()

    class Meta(ManifestSerializer.Meta):
        fields = [*ManifestSerializer.Meta.fields, "requirements", "notes", "schema", "files", "usedBy"]
        read_only_fields = fields

    def get_requirements(self, manifest) -> list[str]:
        return manifest.requirements.splitlines()

    @extend_schema_field(UsedBySerializer)
    def get_usedBy(self, manifest):
        return used_by(manifest)


class TextSerializer(serializers.Serializer):
    path = serializers.CharField(help_text="Its path in the image, for example score.py")
    content = serializers.CharField(trim_whitespace=False, allow_blank=True)


class DependenciesSerializer(TextSerializer):
    kind = serializers.CharField(required=False, help_text="pip or conda; without it, the file's name and text decide")


class _CreateManifestSerializer(serializers.Serializer):
    name = serializers.CharField()
    description = serializers.CharField(required=False, allow_blank=True, default="")
    models = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="Model versions: iris:3 or a uuid"
    )
    runtime = serializers.CharField(required=False, default="python", help_text="python or spark-py")
    python = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, default=None, help_text="A Python version such as 3.11"
    )


class CreateManifestSerializer(_CreateManifestSerializer):
    """Texts in the request, extra files from an upload set."""

    driver = TextSerializer(required=False, allow_null=True, default=None)
    schema = TextSerializer(required=False, allow_null=True, default=None)
    dependencies = DependenciesSerializer(required=False, allow_null=True, default=None)
    uploadSet = serializers.UUIDField(required=False, allow_null=True, default=None)


class CreateManifestFormSerializer(_CreateManifestSerializer):
    """All files in the request."""

    driver = serializers.FileField(required=False, allow_empty_file=True, default=None)
    schema = serializers.FileField(required=False, allow_empty_file=True, default=None)
    dependencies = serializers.FileField(required=False, allow_empty_file=True, default=None)
    dependenciesKind = serializers.CharField(
        required=False, default=None, help_text="pip or conda; without it, the file's name and text decide"
    )
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), required=False, default=list)
    paths = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="One relative path a file, in the same order"
    )


class ImageSerializer(NamedSerializer):
    manifest = serializers.CharField(read_only=True)
    built = serializers.BooleanField(source="is_built", read_only=True)
    format = serializers.CharField(read_only=True, help_text="oci or directory")
    builtAt = serializers.DateTimeField(source="built_at", read_only=True, allow_null=True)

    class Meta:
        model = Image
        fields = [
            "id",
            "ref",
            "name",
            "version",
            "description",
            "manifest",
            "built",
            "format",
            "location",
            "digest",
            "size",
            "builtAt",
            "createdAt",
            "createdBy",
        ]
        read_only_fields = fields


class PackageSerializer(serializers.Serializer):
    name = serializers.CharField()
    version = serializers.CharField()


class ImageDetailSerializer(ImageSerializer):
    bundleDigest = serializers.CharField(source="bundle_digest", read_only=True)
    packages = PackageSerializer(many=True, read_only=True)
    probe = serializers.SerializerMethodField()
    buildSeconds = serializers.FloatField(source="build_seconds", read_only=True, allow_null=True)
    usedBy = serializers.SerializerMethodField()

    class Meta(ImageSerializer.Meta):
        fields = [*ImageSerializer.Meta.fields, "bundleDigest", "platform", "base", "packages", "probe", "buildSeconds", "usedBy"]
        read_only_fields = fields

    @extend_schema_field(serializers.JSONField(help_text="What it answered when it was tried at the end of the build"))
    def get_probe(self, image):
        # Its documents are those of the services: they tell them with their own address.
        return {name: value for name, value in image.probe.items() if name != "documents"}

    @extend_schema_field(UsedBySerializer)
    def get_usedBy(self, image):
        return used_by(image)


class UploadedFileSerializer(FileSerializer):
    alreadyStored = serializers.BooleanField(help_text="You could read these bytes here before")


class SendFilesSerializer(serializers.Serializer):
    files = serializers.ListField(child=serializers.FileField(allow_empty_file=True), allow_empty=False)
    paths = serializers.ListField(
        child=serializers.CharField(trim_whitespace=False),
        required=False,
        default=list,
        help_text="One relative path a file, in the same order",
    )
    sha256 = serializers.ListField(
        child=serializers.RegexField(r"\A[0-9a-fA-F]{64}\Z"),
        required=False,
        default=list,
        help_text="What each file must hash to, in the same order; nothing is kept if one does not",
    )


class ResumableUploadSerializer(serializers.ModelSerializer):
    offset = serializers.IntegerField(read_only=True, help_text="Bytes that have arrived")

    class Meta:
        model = ResumableUpload
        fields = ["id", "path", "size", "offset", "modified"]
        read_only_fields = fields


class UploadSetSerializer(serializers.ModelSerializer):
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    expiresAt = serializers.DateTimeField(source="expires_at", read_only=True)
    closedAt = serializers.DateTimeField(source="closed_at", read_only=True, allow_null=True)
    files = FileSerializer(many=True, read_only=True)
    unfinished = serializers.SerializerMethodField(help_text="Files of which a part has arrived")

    class Meta:
        model = UploadSet
        fields = ["id", "createdAt", "expiresAt", "closedAt", "files", "unfinished"]
        read_only_fields = fields

    @extend_schema_field(ResumableUploadSerializer(many=True))
    def get_unfinished(self, upload_set) -> list:
        return ResumableUploadSerializer(upload_set.resumable.filter(asset=None), many=True).data


class UploadSetSummarySerializer(serializers.ModelSerializer):
    """A set in a list: how much of what was begun has arrived."""

    createdAt = serializers.DateTimeField(source="created_at", read_only=True)
    expiresAt = serializers.DateTimeField(source="expires_at", read_only=True)
    firstPath = serializers.CharField(source="progress.first", read_only=True, help_text="One of the files, to know the set by")
    fileCount = serializers.IntegerField(source="progress.files", read_only=True, help_text="Files that are complete")
    unfinishedCount = serializers.IntegerField(source="progress.unfinished", read_only=True)
    size = serializers.IntegerField(source="progress.size", read_only=True, help_text="Bytes of all files that were begun")
    offset = serializers.IntegerField(source="progress.offset", read_only=True, help_text="Bytes of them that have arrived")

    class Meta:
        model = UploadSet
        fields = ["id", "createdAt", "expiresAt", "firstPath", "fileCount", "unfinishedCount", "size", "offset"]
        read_only_fields = fields
