from django.urls import path

from portal.api import events, preferences, views

app_name = "portal_api"
urlpatterns = [
    path("groups/", views.GroupViewSet.as_view({"get": "list", "post": "create"}), name="groups"),
    path("groups/<str:group>/", views.GroupViewSet.as_view({"get": "retrieve"}), name="group"),
    path("groups/<str:group>/members/", views.MemberViewSet.as_view({"get": "list", "post": "create"}), name="members"),
    path(
        "groups/<str:group>/members/<str:username>/",
        views.MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        name="member",
    ),
    path("groups/<str:group>/views/", preferences.SavedViewSet.as_view({"get": "list", "post": "create"}), name="saved-views"),
    path("groups/<str:group>/views/<int:id>/", preferences.SavedViewSet.as_view({"delete": "destroy"}), name="saved-view"),
    path("groups/<str:group>/events/", events.EventViewSet.as_view({"get": "list"}), name="events"),
    path("preferences/", preferences.PreferencesView.as_view(), name="preferences"),
    path("preferences/<str:name>/", preferences.PreferenceView.as_view(), name="preference"),
    path("tokens/", views.TokenViewSet.as_view({"get": "list", "post": "create"}), name="tokens"),
    path("tokens/<str:key_id>/", views.TokenViewSet.as_view({"delete": "destroy"}), name="token"),
]
