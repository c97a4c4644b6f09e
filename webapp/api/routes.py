"""All addresses below /api/."""

from django.urls import path

from webapp.api.urls import api, no_such_call

urlpatterns = [path("v1/", api.urls), path("<path:rest>", no_such_call)]
