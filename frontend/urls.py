"""The pages. Collections end in a slash; a version is said as name:number."""

from django.urls import path, re_path, register_converter

from deployments.models.services import OPEN_PAGES
from frontend.views import (
    audit,
    deploy,
    environments,
    home,
    images,
    lists,
    manifest_forms,
    manifests,
    model_pages,
    models,
    notifications,
    open_pages,
    operation_logs,
    operations,
    people,
    search,
    service_collected,
    service_follow,
    service_golden,
    service_logs,
    service_metrics,
    service_tabs,
    service_try,
    services,
    several,
    sign_in,
    system,
)
from portal.names import NAME

app_name = "pages"


class NameConverter:
    regex = NAME

    def to_python(self, value: str) -> str:
        return value

    to_url = to_python


class SaidConverter(NameConverter):
    regex = rf"{NAME}(?::[1-9][0-9]{{0,8}}|@{NAME})"


register_converter(NameConverter, "name")
register_converter(SaidConverter, "said")

GROUP = "g/<name:group>/"


def noun(plural: str, *, one: str, list_view, new_view, detail_view, delete_view) -> list:
    """The four pages that models, manifests and images share."""
    return [
        path(f"{GROUP}{plural}/", list_view.as_view(), name=plural),
        path(f"{GROUP}{plural}/new", new_view.as_view(), name=f"new_{one}"),
        path(f"{GROUP}{plural}/<said:said>", detail_view.as_view(), name=one),
        path(f"{GROUP}{plural}/<said:said>/delete", delete_view.as_view(), name=f"delete_{one}"),
    ]


SERVICE = f"{GROUP}services/<name:name>/"
ENVIRONMENT = f"{GROUP}environments/<name:name>/"
#: what people without an account may read
OPEN = f"{OPEN_PAGES}<name:group>/<name:name>/"

urlpatterns = [
    path(OPEN, open_pages.OpenServiceView.as_view(), name="open_service"),
    path(f"{OPEN}docs", open_pages.OpenDocsView.as_view(), name="open_docs"),
    path(f"{OPEN}openapi.json", open_pages.OpenDocumentView.as_view(), {"version": "openapi"}, name="open_openapi"),
    path(f"{OPEN}swagger.json", open_pages.OpenDocumentView.as_view(), {"version": "swagger"}, name="open_swagger"),
    path("", home.StartView.as_view(), name="start"),
    re_path(r"^setup/(?P<link>[A-Za-z0-9_-]{1,100})/$", home.SetupView.as_view(), name="setup"),
    path("theme", home.ThemeView.as_view(), name="theme"),
    path("help", home.help_page, name="help"),
    path("groups/new", people.NewGroupView.as_view(), name="new_group"),
    path("profile", people.ProfileView.as_view(), name="profile"),
    path("profile/tokens/<str:key_id>/revoke", people.RevokeTokenView.as_view(), name="revoke_token"),
    path("profile/sessions/<int:pk>/end", sign_in.EndSessionView.as_view(), name="end_session"),
    path("profile/sessions/end-others", sign_in.EndOtherSessionsView.as_view(), name="end_other_sessions"),
    path("search", search.SearchView.as_view(), name="search_anywhere"),
    path("notifications", notifications.NotificationsView.as_view(), name="notifications"),
    path("profile/mails", notifications.ChooseMailsView.as_view(), name="choose_mails"),
    path("system", system.SystemView.as_view(), name="system"),
    path("system/test-mail", system.TestMailView.as_view(), name="test_mail"),
    path("system/support-bundle", system.SupportBundleView.as_view(), name="support_bundle"),
    path("profile/display", people.DisplayView.as_view(), name="display"),
    path("users", people.UsersView.as_view(), name="users"),
    path("users/<str:username>/second-factor", sign_in.RemoveSecondFactorView.as_view(), name="remove_second_factor"),
    path("api/docs/", people.api_docs, name="api_docs"),
    path(GROUP, home.HomeView.as_view(), name="home"),
    path(f"{GROUP}deploy", deploy.DeployView.as_view(), name="deploy"),
    path(f"{GROUP}deploy/<uuid:pk>", deploy.DeployingView.as_view(), name="deploying"),
    *noun(
        "models",
        one="model",
        list_view=models.ModelListView,
        new_view=models.RegisterModelView,
        detail_view=model_pages.VersionView,
        delete_view=models.DeleteModelView,
    ),
    path(f"{GROUP}models/name-check", model_pages.NameCheckView.as_view(), name="model_name_check"),
    path(f"{GROUP}models/card-preview", model_pages.CardPreviewView.as_view(), name="card_preview"),
    path(f"{GROUP}models/<name:name>/", model_pages.ModelNameView.as_view(), name="model_name"),
    path(f"{GROUP}models/<name:name>/aliases/<name:alias>/remove", models.RemoveAliasView.as_view(), name="remove_alias"),
    path(f"{GROUP}models/<said:said>/edit", models.DescribeModelView.as_view(), name="edit_model"),
    path(f"{GROUP}models/<said:said>/card", models.EditCardView.as_view(), name="edit_card"),
    path(f"{GROUP}models/<said:said>/alias", models.MoveAliasView.as_view(), name="move_alias"),
    path(f"{GROUP}models/<said:said>/compare", model_pages.CompareView.as_view(), name="compare_models"),
    path(f"{GROUP}models/<said:said>/files/<path:path>", model_pages.VersionFileView.as_view(), name="model_file"),
    path(f"{GROUP}models/<said:said>/picture/<path:path>", model_pages.VersionPictureView.as_view(), name="model_picture"),
    *noun(
        "manifests",
        one="manifest",
        list_view=manifests.ManifestListView,
        new_view=manifest_forms.CreateManifestView,
        detail_view=manifests.ManifestView,
        delete_view=manifests.DeleteManifestView,
    ),
    path(f"{GROUP}manifests/find-models", manifest_forms.FindModelsView.as_view(), name="find_models"),
    path(f"{GROUP}manifests/<said:said>/compare", manifests.CompareManifestsView.as_view(), name="compare_manifests"),
    *noun(
        "images",
        one="image",
        list_view=images.ImageListView,
        new_view=images.CreateImageView,
        detail_view=images.ImageView,
        delete_view=images.DeleteImageView,
    ),
    path(f"{GROUP}environments/", environments.EnvironmentListView.as_view(), name="environments"),
    path(f"{GROUP}environments/new", environments.CreateEnvironmentView.as_view(), name="new_environment"),
    path(ENVIRONMENT, environments.EnvironmentView.as_view(), name="environment"),
    path(f"{ENVIRONMENT}edit", environments.EditEnvironmentView.as_view(), name="edit_environment"),
    path(f"{ENVIRONMENT}test", environments.TestEnvironmentView.as_view(), name="test_environment"),
    path(f"{ENVIRONMENT}delete", environments.DeleteEnvironmentView.as_view(), name="delete_environment"),
    path(f"{GROUP}services/", services.ServiceListView.as_view(), name="services"),
    path(f"{GROUP}services/new", services.CreateServiceView.as_view(), name="new_service"),
    path(SERVICE, services.ServiceView.as_view(), name="service"),
    path(f"{SERVICE}try", service_try.ServiceTryView.as_view(), name="service_try"),
    path(f"{SERVICE}docs", service_tabs.ServiceDocsView.as_view(), name="service_docs"),
    path(f"{SERVICE}openapi.json", service_tabs.ServiceOpenAPIView.as_view(), {"version": "openapi"}, name="service_openapi"),
    path(f"{SERVICE}swagger.json", service_tabs.ServiceOpenAPIView.as_view(), {"version": "swagger"}, name="service_swagger"),
    path(f"{SERVICE}session-key", service_tabs.SessionKeyView.as_view(), name="service_session_key"),
    path(f"{SERVICE}keys", service_tabs.ServiceKeysView.as_view(), name="service_keys"),
    re_path(
        rf"^g/(?P<group>{NAME})/services/(?P<name>{NAME})/keys/(?P<slot>primary|secondary)/regenerate$",
        service_tabs.RegenerateKeyView.as_view(),
        name="regenerate_key",
    ),
    re_path(
        rf"^g/(?P<group>{NAME})/services/(?P<name>{NAME})/keys/(?P<slot>primary|secondary)/stop-old$",
        service_tabs.StopOldKeyView.as_view(),
        name="stop_old_key",
    ),
    path(f"{SERVICE}metrics", service_metrics.ServiceMetricsView.as_view(), name="service_metrics"),
    path(f"{SERVICE}collected", service_collected.ServiceCollectedView.as_view(), name="service_collected"),
    path(f"{SERVICE}collected/download", service_collected.DownloadCollectedView.as_view(), name="download_collected"),
    path(f"{SERVICE}collected/settings", service_collected.CollectionSettingsView.as_view(), name="collection_settings"),
    path(f"{SERVICE}collected/stop", service_collected.StopCollectingView.as_view(), name="stop_collecting"),
    path(f"{SERVICE}collected/<str:day>", service_collected.CollectedDayView.as_view(), name="collected_day"),
    path(f"{SERVICE}collected/<str:day>/delete", service_collected.DeleteCollectedView.as_view(), name="delete_collected"),
    path(f"{SERVICE}logs", service_logs.ServiceLogsView.as_view(), name="service_logs"),
    path(f"{SERVICE}logs/download", service_logs.DownloadLogsView.as_view(), name="service_logs_download"),
    path(f"{SERVICE}history", service_tabs.ServiceHistoryView.as_view(), name="service_history"),
    path(f"{SERVICE}history/<int:number>/roll-back", service_tabs.RollBackView.as_view(), name="roll_back"),
    path(f"{SERVICE}golden", service_golden.ServiceGoldenView.as_view(), name="service_golden"),
    path(f"{SERVICE}golden/ask", service_golden.AskNowView.as_view(), name="ask_golden"),
    path(f"{SERVICE}golden/new", service_golden.DraftGoldenView.as_view(), name="draft_golden"),
    path(f"{SERVICE}golden/policy", service_golden.GoldenPolicyView.as_view(), name="golden_policy"),
    path(f"{SERVICE}golden/<uuid:golden>/delete", service_golden.DeleteGoldenRequestView.as_view(), name="delete_golden"),
    path(f"{SERVICE}follow", service_follow.FollowAliasView.as_view(), name="follow_alias"),
    path(f"{SERVICE}follow/catch-up", service_follow.CatchUpView.as_view(), name="catch_up"),
    path(f"{SERVICE}follow/pause", service_follow.PauseFollowingView.as_view(), name="pause_following"),
    path(f"{SERVICE}follow/stop", service_follow.StopFollowingView.as_view(), name="stop_following"),
    path(f"{SERVICE}settings", services.ServiceSettingsView.as_view(), name="service_settings"),
    path(f"{SERVICE}stop", services.StopServiceView.as_view(), name="stop_service"),
    path(f"{SERVICE}start", services.StartServiceView.as_view(), name="start_service"),
    path(f"{SERVICE}delete", services.DeleteServiceView.as_view(), name="delete_service"),
    path(f"{GROUP}operations/", operations.OperationListView.as_view(), name="operations"),
    path(f"{GROUP}operations/<uuid:pk>", operations.OperationView.as_view(), name="operation"),
    path(f"{GROUP}operations/<uuid:pk>/log", operation_logs.OperationLogView.as_view(), name="operation_log"),
    path(f"{GROUP}operations/<uuid:pk>/lines", operation_logs.OperationLinesView.as_view(), name="operation_lines"),
    path(f"{GROUP}operations/<uuid:pk>/find", operation_logs.FindInLogView.as_view(), name="operation_find"),
    path(f"{GROUP}operations/<uuid:pk>/stream", operation_logs.stream, name="operation_stream"),
    path(f"{GROUP}operations/<uuid:pk>/cancel", operations.CancelOperationView.as_view(), name="cancel_operation"),
    path(f"{GROUP}operations/<uuid:pk>/rerun", operations.RerunOperationView.as_view(), name="rerun_operation"),
    path(f"{GROUP}operations/<uuid:pk>/apply-proposal", operations.ApplyProposalView.as_view(), name="apply_proposal"),
    path(f"{GROUP}search", search.SearchView.as_view(), name="search"),
    path(f"{GROUP}running", search.RunningView.as_view(), name="running"),
    path(f"{GROUP}audit/", audit.AuditView.as_view(), name="audit"),
    path(f"{GROUP}lists/<slug:noun>/layout", lists.LayoutView.as_view(), name="list_layout"),
    path(f"{GROUP}lists/<slug:noun>/several", several.SeveralView.as_view(), name="several"),
    path(f"{GROUP}lists/<slug:noun>/views", lists.SaveViewView.as_view(), name="save_view"),
    path(f"{GROUP}lists/<slug:noun>/views/<int:pk>/delete", lists.DeleteViewView.as_view(), name="delete_view"),
    path(f"{GROUP}operations/<uuid:pk>/decide", service_golden.DecideView.as_view(), name="decide_answers"),
    path(f"{GROUP}members/", people.MembersView.as_view(), name="members"),
    path(f"{GROUP}members/<str:username>/role", people.ChangeRoleView.as_view(), name="change_role"),
    path(f"{GROUP}members/<str:username>/remove", people.RemoveMemberView.as_view(), name="remove_member"),
]
