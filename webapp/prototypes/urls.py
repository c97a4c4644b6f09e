from django.urls import path

from webapp.prototypes import views

urlpatterns = [
    path("new", views.new_prototype, name="new_prototype"),
    path("prototypes/<str:pk>/replace-data", views.replace_data, name="replace_data"),
    path("prototypes/<str:pk>/media/<str:name>", views.media, name="media"),
    path("prototypes/<str:pk>/rows", views.change_rows, name="change_rows"),
    path("prototypes/<str:pk>/sheet", views.choose_sheet, name="choose_sheet"),
    path("prototypes/<str:pk>/download", views.download, name="download_rows"),
    path("prototypes/<str:pk>/diff", views.diff, name="diff"),
    path("prototypes/<str:pk>/columns", views.map_columns, name="map_columns"),
    path("prototypes/<str:pk>/split", views.divide, name="divide"),
    path("prototypes/<str:pk>/mend", views.mend, name="mend"),
    path("prototypes/<str:pk>/restore", views.restore, name="restore"),
    path("prototypes/<str:pk>/rename", views.rename, name="rename"),
]
