from django.urls import path

from webapp.endpoints import chatting, demo, golden_views, inbox_views, views, why

urlpatterns = [
    path("prototypes/<str:pk>/share", views.share, name="share"),
    path("prototypes/<str:pk>/golden", golden_views.golden_set, name="golden_set"),
    path("runs/<str:pk>/deploy", views.deploy, name="deploy"),
    path("runs/<str:pk>/try", views.try_run, name="try_run"),
    path("runs/<str:pk>/mistakes/<int:number>/why", why.why_mistake, name="why_mistake"),
    path("runs/<str:pk>/examples/<int:number>", views.run_example, name="run_example"),
    path("endpoints/<str:pk>/update", views.update, name="update_endpoint"),
    path("endpoints/<str:pk>/delete", views.delete_endpoint, name="delete_endpoint"),
    path("endpoints/<str:pk>/examples", views.choose_examples, name="choose_examples"),
    path("endpoints/<str:pk>/keys", views.create_key, name="create_key"),
    path("endpoints/<str:pk>/links", views.create_link, name="create_link"),
    path("endpoints/<str:pk>/feedback", inbox_views.feedback_inbox, name="feedback_inbox"),
    path("endpoints/<str:pk>/feedback/unsure", inbox_views.bring_in_unsure, name="bring_in_unsure"),
    path("endpoints/<str:pk>/qr.svg", views.qr, name="endpoint_qr"),
    path("keys/<str:pk>/revoke", views.revoke_key, name="revoke_key"),
    path("links/<str:pk>/revoke", views.revoke_link, name="revoke_link"),
    path("endpoint-versions/<str:pk>/promote", views.promote, name="promote"),
    path("d/<slug:slug>", demo.demo, name="demo"),
    path("d/<slug:slug>/examples/<int:number>", demo.example, name="demo_example"),
    path("d/<slug:slug>/chat", chatting.chat, name="demo_chat"),
    path("d/<slug:slug>/feedback", demo.feedback, name="demo_feedback"),
]
