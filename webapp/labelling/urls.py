from django.urls import path

from webapp.labelling import alike_views, bulk_views, guest_views, views

urlpatterns = [
    path("prototypes/<str:pk>/label", views.label, name="label"),
    path("prototypes/<str:pk>/label/begin", views.begin, name="begin_labels"),
    path("prototypes/<str:pk>/label/undo", views.undo, name="undo_label"),
    path("prototypes/<str:pk>/label/alike", alike_views.label_alike, name="label_alike"),
    path("prototypes/<str:pk>/label/rules", bulk_views.label_rules, name="label_rules"),
    path("prototypes/<str:pk>/label/guests", guest_views.label_guests, name="label_guests"),
    path("guests/<str:token>", guest_views.guest, name="guest_label"),
    path("guests/<str:token>/media/<int:row>", guest_views.guest_media, name="guest_media"),
    path("prototypes/<str:pk>/label/done", views.done, name="finish_labels"),
]
