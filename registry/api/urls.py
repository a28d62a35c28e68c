"""Routes of the registry. Images are routed by deployments, which adds "create"."""

from django.urls import path

from registry.api.drafts import CheckRecipeView, DraftViewSet
from registry.api.recipes import ModelRecipeView, UploadRecipeView
from registry.api.upload_views import ResumableUploadViewSet, UploadedFilesViewSet, UploadedFileViewSet, UploadSetViewSet
from registry.api.views import AliasViewSet, ManifestViewSet, ModelNameViewSet, ModelViewSet

app_name = "registry_api"
GROUP = "groups/<str:group>/"
urlpatterns = [
    path(GROUP + "uploads/", UploadSetViewSet.as_view({"get": "list", "post": "create"}), name="uploads"),
    path(GROUP + "uploads/<str:id>/", UploadSetViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="upload"),
    path(GROUP + "uploads/<str:id>/files/", UploadedFilesViewSet.as_view({"post": "create"}), name="upload-files"),
    path(
        GROUP + "uploads/<str:id>/files/<path:path>",
        UploadedFileViewSet.as_view({"put": "update", "delete": "destroy"}),
        name="upload-file",
    ),
    path(GROUP + "uploads/<str:id>/resumable/", ResumableUploadViewSet.as_view({"post": "create", "options": "options"}), name="resumable"),
    path(
        GROUP + "uploads/<str:id>/resumable/<str:upload>",
        ResumableUploadViewSet.as_view({"head": "head", "patch": "partial_update", "delete": "destroy", "options": "options"}),
        name="resumable-upload",
    ),
    path(GROUP + "uploads/<str:id>/recipe/", UploadRecipeView.as_view(), name="upload-recipe"),
    path(GROUP + "models/", ModelViewSet.as_view({"get": "list", "post": "create"}), name="models"),
    path(GROUP + "models/names/", ModelNameViewSet.as_view({"get": "list"}), name="model-names"),
    path(GROUP + "models/names/<str:name>/aliases/", AliasViewSet.as_view({"get": "list"}), name="aliases"),
    path(GROUP + "models/names/<str:name>/aliases/<str:alias>", AliasViewSet.as_view({"put": "update", "delete": "destroy"}), name="alias"),
    path(GROUP + "models/<str:id>/compare", ModelViewSet.as_view({"get": "compare"}), name="model-compare"),
    path(
        GROUP + "models/<str:id>/", ModelViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}), name="model"
    ),
    path(GROUP + "models/<str:id>/files/<path:path>", ModelViewSet.as_view({"get": "file"}), name="model-file"),
    path(GROUP + "models/<str:id>/download", ModelViewSet.as_view({"get": "download"}), name="model-download"),
    path(GROUP + "models/<str:id>/recipe/", ModelRecipeView.as_view(), name="model-recipe"),
    path(GROUP + "manifests/", ManifestViewSet.as_view({"get": "list", "post": "create"}), name="manifests"),
    path(GROUP + "manifests/check/", CheckRecipeView.as_view(), name="manifest-check"),
    path(GROUP + "manifests/drafts/", DraftViewSet.as_view({"get": "list", "post": "create"}), name="manifest-drafts"),
    path(
        GROUP + "manifests/drafts/<str:id>/",
        DraftViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="manifest-draft",
    ),
    path(GROUP + "manifests/<str:id>/", ManifestViewSet.as_view({"get": "retrieve", "delete": "destroy"}), name="manifest"),
    path(GROUP + "manifests/<str:id>/files/<path:path>", ManifestViewSet.as_view({"get": "file"}), name="manifest-file"),
]
