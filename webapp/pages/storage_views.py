"""What a workspace keeps on disk: its datasets, also those that no prototype uses any more, and its runs."""

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from trainer import disk
from webapp.accounts.access import form_on, load, member
from webapp.accounts.models import Workspace
from webapp.accounts.requests import AuthedRequest
from webapp.catalog import hub
from webapp.core.formats import size
from webapp.core.problems import Conflict
from webapp.core.sentences import problem_of_error
from webapp.datasets.models import Dataset
from webapp.datasets.quota import used_by_kind
from webapp.pages import removal
from webapp.prototypes.actions import create_prototype
from webapp.prototypes.models import Prototype

PAGE = 50


def listed(workspace: Workspace) -> QuerySet[Dataset]:
    """Those that nothing uses first, with `users` (how many prototypes), `stored_bytes` (of its versions) and its prototypes."""
    datasets = Dataset.objects.for_workspace(workspace).annotate(
        users=Count("prototypes", distinct=True), stored_bytes=Sum("versions__bytes")
    )
    return datasets.prefetch_related("prototypes").order_by("users", "-created_at", "pk")


@member
def storage(request: AuthedRequest) -> HttpResponse:
    """Context: page (of datasets, see `listed`), used (bytes by kind, see `quota.KINDS`), total and quota (bytes), free (bytes of the
    disk that may still be filled), hub (bytes of base models and their limit, of the whole site)."""
    workspace, used = request.workspace, used_by_kind(request.workspace)
    context = {
        "page": Paginator(listed(workspace), PAGE).get_page(request.GET.get("page")),
        "used": used,
        "total": sum(used.values()),
        "quota": settings.MAQUETTE_QUOTA_BYTES,
        "free": max(0, disk.free_bytes(settings.MAQUETTE_DATA)),
        "hub": {"used": hub.downloaded_bytes(), "limit": disk.hub_limit_bytes()},
    }
    return render(request, "pages/storage.html", context)


@form_on("storage", lambda _request, pk: [])
def start_prototype(request: AuthedRequest, pk: str) -> HttpResponse:
    """A new prototype on data that is kept; `Conflict` where they could not be read."""
    dataset = load(Dataset, request.workspace, pk)
    failed = dataset.latest if dataset.current is None else None
    if failed and failed.error:
        raise problem_of_error(failed.error, Conflict)
    return redirect("data", pk=create_prototype(dataset, request.user).pk)


@form_on("prototype_settings")
def remove_checkpoints(request: AuthedRequest, pk: str) -> HttpResponse:
    prototype = load(Prototype.objects.select_related("workspace"), request.workspace, pk)
    freed = removal.remove_checkpoints(prototype, request.user)
    messages.success(request, _("Checkpoints removed, %(size)s freed.") % {"size": size(freed)})
    return redirect("prototype_settings", pk=pk)
