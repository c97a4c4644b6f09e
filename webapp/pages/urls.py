from django.urls import path

from webapp.pages import (
    data,
    erasure_views,
    home,
    limits_views,
    own_data,
    security_log,
    settings_views,
    source_views,
    storage_views,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("prototypes/<str:pk>/data", data.data, name="data"),
    path("prototypes/<str:pk>/sources", source_views.add_source, name="add_source"),
    path("prototypes/<str:pk>/sources/change", source_views.change_source, name="change_source"),
    path("prototypes/<str:pk>/forget", data.purge_history, name="forget"),
    path("prototypes/<str:pk>/settings", settings_views.prototype_settings, name="prototype_settings"),
    path("prototypes/<str:pk>/delete", settings_views.delete_prototype, name="delete_prototype"),
    path("prototypes/<str:pk>/unused-models", settings_views.unused_models, name="unused_models"),
    path("prototypes/<str:pk>/remove-checkpoints", storage_views.remove_checkpoints, name="remove_checkpoints"),
    path("searches/<str:pk>/delete", settings_views.delete_search, name="delete_search"),
    path("runs/<str:pk>/delete", settings_views.delete_run, name="delete_run"),
    path("runs/<str:pk>/remove-model", settings_views.remove_model, name="remove_model"),
    path("storage", storage_views.storage, name="storage"),
    path("datasets/<str:pk>/delete", erasure_views.delete_unused_dataset, name="delete_unused_dataset"),
    path("prototypes/<str:pk>/retention", erasure_views.set_retention, name="set_retention"),
    path("settings/limits", limits_views.limits_page, name="limits"),
    path("settings/security-log", security_log.security_log, name="security_log"),
    path("settings/security/activity", security_log.own_security_log, name="own_security_log"),
    path("settings/export", own_data.export, name="export"),
    path("settings/delete-workspace", erasure_views.delete_workspace, name="delete_workspace"),
    path("settings/delete-account", erasure_views.delete_account, name="delete_account"),
    path("datasets/<str:pk>/prototype", storage_views.start_prototype, name="start_prototype"),
]
