from django.urls import path

from webapp.runs import examination_views, label_views, search_views, train_views, views

urlpatterns = [
    path("prototypes/<str:pk>/train", train_views.train, name="train"),
    path("prototypes/<str:pk>/label/train", label_views.finish_and_train, name="finish_and_train"),
    path("prototypes/<str:pk>/estimate", train_views.estimate, name="estimate"),
    path("prototypes/<str:pk>/net", train_views.net, name="net"),
    path("prototypes/<str:pk>/augmented", train_views.augmented, name="augmented"),
    path("prototypes/<str:pk>/augmented/<str:key>.png", train_views.augmented_picture, name="augmented_picture"),
    path("prototypes/<str:pk>/runs", views.runs, name="runs"),
    path("prototypes/<str:pk>/compare", views.compare, name="compare"),
    path("runs/<str:pk>", views.run, name="run"),
    path("runs/<str:pk>/live", views.run_live, name="run_live"),
    path("runs/<str:pk>/stream", views.run_stream, name="run_stream"),
    path("runs/<str:pk>/media/<str:name>", views.media, name="run_media"),
    path("runs/<str:pk>/stop", views.stop, name="stop_run"),
    path("runs/<str:pk>/cancel", views.cancel, name="cancel_run"),
    path("runs/<str:pk>/resume", views.resume, name="resume_run"),
    path("runs/<str:pk>/without", views.train_without, name="train_without"),
    path("runs/<str:pk>/accept-leaks", views.accept_leaks, name="accept_leaks"),
    path("runs/<str:pk>/examinations/<str:kind>", examination_views.examination, name="examination"),
    path("runs/<str:pk>/log", views.log, name="run_log"),
    path("runs/<str:pk>/spec.json", views.spec, name="run_spec"),
    path("runs/<str:pk>/artifact.zip", views.artifact, name="run_artifact"),
    path("searches/<str:pk>", search_views.search, name="search"),
    path("searches/<str:pk>/live", search_views.search_live, name="search_live"),
    path("searches/<str:pk>/stop", search_views.stop_search, name="stop_search"),
    path("searches/<str:pk>/cancel", search_views.cancel_search, name="cancel_search"),
    path("searches/<str:pk>/resume", search_views.resume_search, name="resume_search"),
    path("prototypes/<str:pk>/search-settings", train_views.search_settings, name="search_settings"),
    path("workers", views.queue, name="workers"),
]
