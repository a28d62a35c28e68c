from functools import partial

from django.urls import path

from deployments.api import collected, deploy, examples, following, golden, notifications, services, system, views

app_name = "deployments_api"

environments = views.EnvironmentViewSet.as_view
images = views.ImageViewSet.as_view
operations = views.OperationViewSet.as_view
service = services.ServiceViewSet.as_view
#: of one service, so the list's filters mean nothing; the few rows of a `whole` list come without pages
of_service = partial(service, filter_backends=[])
whole = partial(of_service, pagination_class=None)
example = examples.ExampleViewSet.as_view

collected_days = collected.CollectedViewSet.as_view

golden_request = golden.GoldenRequestViewSet.as_view
decision = golden.DecisionViewSet.as_view
followed = following.FollowingViewSet.as_view

_G = "groups/<str:group>"
_S = f"{_G}/services/<str:name>"
urlpatterns = [
    path(f"{_G}/environments/", environments({"get": "list", "post": "create"}), name="environments"),
    path(
        f"{_G}/environments/<str:name>/",
        environments({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="environment",
    ),
    path(f"{_G}/environments/<str:name>/check/", environments({"post": "check"}), name="environment-check"),
    path(f"{_G}/images/", images({"get": "list", "post": "create"}), name="images"),
    path(f"{_G}/images/<str:id>/", images({"get": "retrieve", "delete": "destroy"}), name="image"),
    path(f"{_G}/images/<str:id>/bill-of-materials/", images({"get": "bill"}), name="image-bill"),
    path(f"{_G}/operations/", operations({"get": "list"}), name="operations"),
    path(f"{_G}/operations/<str:id>/", operations({"get": "retrieve"}), name="operation"),
    path(f"{_G}/operations/<str:id>/cancel/", operations({"post": "cancel"}), name="operation-cancel"),
    path(f"{_G}/operations/<str:id>/rerun/", operations({"post": "rerun"}), name="operation-rerun"),
    path(f"{_G}/operations/<str:id>/apply-proposal/", operations({"post": "apply_proposal"}), name="operation-apply-proposal"),
    path(f"{_G}/operations/<str:id>/answers/", decision({"get": "answers"}), name="operation-answers"),
    path(f"{_G}/operations/<str:id>/approve/", decision({"post": "approve"}), name="operation-approve"),
    path(f"{_G}/operations/<str:id>/reject/", decision({"post": "reject"}), name="operation-reject"),
    path(f"{_G}/operations/<str:id>/steps/<int:order>/log/", operations({"get": "log"}), name="operation-log"),
    path("notifications/", notifications.NotificationsView.as_view(), name="notifications"),
    path("notifications/read/", notifications.ReadView.as_view(), name="notifications-read"),
    path("notifications/mail/", notifications.MailView.as_view(), name="notifications-mail"),
    path("system/", system.SystemView.as_view(), name="system"),
    path("system/test-mail/", system.TestMailView.as_view(), name="test-mail"),
    path("system/support-bundle/", system.SupportBundleView.as_view(), name="support-bundle"),
    path(f"{_G}/deploy/", deploy.DeployView.as_view(), name="deploy"),
    path(f"{_G}/services/", service({"get": "list", "post": "create"}), name="services"),
    path(f"{_S}/", service({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}), name="service"),
    path(f"{_S}/start/", service({"post": "start"}), name="service-start"),
    path(f"{_S}/stop/", service({"post": "stop"}), name="service-stop"),
    path(f"{_S}/keys/", whole({"get": "keys"}), name="service-keys"),
    path(f"{_S}/keys/session/", service({"post": "session_key"}), name="service-session-key"),
    path(f"{_S}/keys/<str:slot>/stop-old/", service({"post": "stop_old_key"}), name="service-key-stop-old"),
    path(f"{_S}/keys/<str:slot>/regenerate/", service({"post": "regenerate_key"}), name="service-key-regenerate"),
    path(f"{_S}/revisions/", of_service({"get": "revisions"}), name="service-revisions"),
    path(f"{_S}/following/", followed({"get": "retrieve", "put": "update", "delete": "destroy"}), name="service-following"),
    path(f"{_S}/following/pause/", followed({"post": "pause"}), name="service-following-pause"),
    path(f"{_S}/following/catch-up/", followed({"post": "catch_up"}), name="service-following-catch-up"),
    path(f"{_S}/golden/", golden_request({"get": "list", "post": "create"}), name="service-golden"),
    path(f"{_S}/golden/<str:golden>/", golden_request({"get": "retrieve", "delete": "destroy"}), name="service-golden-request"),
    path(f"{_S}/golden-policy/", golden_request({"get": "policy", "put": "policy"}), name="service-golden-policy"),
    path(f"{_S}/golden-checks/", golden_request({"get": "checks", "post": "checks"}), name="service-golden-checks"),
    path(f"{_S}/golden-runs/", golden_request({"get": "runs"}), name="service-golden-runs"),
    path(f"{_S}/replicas/", whole({"get": "replicas"}), name="service-replicas"),
    path(f"{_S}/replicas/<str:replica>/log/", service({"get": "logs"}), name="service-log"),
    path(f"{_S}/logs/", service({"get": "merged_logs"}), name="service-logs"),
    path(f"{_S}/metrics/", service({"get": "metrics"}), name="service-metrics"),
    path(f"{_S}/metrics.csv", service({"get": "metrics_csv"}), name="service-metrics-csv"),
    path(f"{_S}/collected/", collected_days({"get": "list", "delete": "destroy"}), name="service-collected"),
    path(f"{_S}/collected/download/", collected_days({"get": "download"}), name="service-collected-download"),
    path(f"{_S}/collected/<str:day>/", collected_days({"get": "retrieve"}), name="service-collected-day"),
    path(f"{_S}/examples/", example({"get": "list", "post": "create"}), name="service-examples"),
    path(f"{_S}/examples/<uuid:id>/", example({"delete": "destroy"}), name="service-example"),
    path(f"{_S}/openapi.json", service({"get": "openapi"}), name="service-openapi"),
    path(f"{_S}/swagger.json", service({"get": "swagger"}), name="service-swagger"),
]
