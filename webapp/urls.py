"""All addresses. `/e/<slug>/…` never comes here: the ASGI application hands it to serving (webapp/asgi.py)."""

from django.urls import include, path
from django.views.generic import RedirectView

from webapp.core.deferred import DeferredRoutes
from webapp.datasets import tus
from webapp.host.metrics import metrics
from webapp.host.readiness import healthz, readyz

handler400 = "webapp.pages.errors.bad_request"
handler404 = "webapp.pages.errors.not_found"
handler500 = "webapp.pages.errors.server_error"
urlpatterns = [
    path("", include("webapp.accounts.urls")),
    path("", include("webapp.costs.urls")),
    path("", include("webapp.catalog.urls")),
    path("", include("webapp.prototypes.urls")),
    path("", include("webapp.labelling.urls")),
    path("", include("webapp.runs.urls")),
    path("", include("webapp.endpoints.urls")),
    path("", include("webapp.pages.urls")),
    DeferredRoutes("api/", "webapp.api.routes"),
    path("uploads/", tus.collection, name="uploads"),
    path("uploads/<slug:pk>", tus.upload, name="upload"),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("i18n/", include("django.conf.urls.i18n")),
    path("favicon.ico", RedirectView.as_view(url="/static/mark.svg")),
]
