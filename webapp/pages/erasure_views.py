"""Pages that ask before a dataset, a workspace or an account is deleted, and list what goes with it."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from webapp.accounts import addresses, security
from webapp.accounts.access import form_on, load, needs, person
from webapp.accounts.confirming import check_confirmed, confirmed
from webapp.accounts.forms import RetentionForm
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.forms import cleaned, refused_on, shown_form
from webapp.datasets.actions import delete_dataset, keep_for
from webapp.datasets.models import Dataset
from webapp.endpoints import addresses as demo_addresses
from webapp.endpoints.models import Endpoint
from webapp.pages import erasure
from webapp.pages.forms import DeleteAccountForm, TypedNameForm
from webapp.prototypes.models import Prototype


@needs(Right.EDIT)
@refused_on("storage", lambda _request, pk: [])
def delete_unused_dataset(request: AuthedRequest, pk: str) -> HttpResponse:
    """A GET asks; context: dataset, contents (`erasure.Contents`), prototypes (made from it), demos (their addresses). A POST
    deletes; `Conflict` while a prototype uses it, unless the page that was answered said so (`prototypes`)."""
    dataset = load(Dataset, request.workspace, pk)
    if request.method == "POST":
        delete = erasure.erase_dataset if "prototypes" in request.POST else delete_dataset
        delete(dataset, request.user)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": dataset.name})
        return redirect("storage")
    demos = Endpoint.objects.filter(prototype__dataset=dataset)
    context = {
        "dataset": dataset,
        "contents": erasure.contents_of_dataset(dataset),
        "prototypes": dataset.prototypes.all(),
        "demos": [settings.PUBLIC_URL + demo_addresses.demo_path(demo) for demo in demos],
    }
    return render(request, "pages/delete_dataset.html", context)


@form_on("prototype_settings", guard=needs(Right.ADMINISTER))
def set_retention(request: AuthedRequest, pk: str) -> HttpResponse:
    """How long the dataset of this prototype is kept after its last use."""
    prototype = load(Prototype.objects.select_related("dataset"), request.workspace, pk)
    days = cleaned(RetentionForm(request.POST))["days"]
    keep_for(prototype.dataset, days, request.user)
    messages.success(request, _("Saved."))
    return redirect("prototype_settings", pk=pk)


@needs(Right.OWN)
@refused_on("delete_workspace")
@confirmed
def delete_workspace(request: AuthedRequest) -> HttpResponse:
    """A GET asks; context: form (name), contents, members (of others). A POST deletes, once the name is typed."""
    workspace = request.workspace
    if request.method == "POST":
        cleaned(TypedNameForm(workspace.name, request.POST))
        name = workspace.name
        workspace_id = workspace.pk
        erasure.erase_workspace(workspace, request.user)
        security.record(request, "workspace_deleted", subject="workspace", subject_id=workspace_id)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": name})
        return redirect("home")
    context = {
        "form": shown_form(request, reverse("delete_workspace"), TypedNameForm, workspace.name),
        "contents": erasure.contents_of_workspace(workspace),
        "members": workspace.memberships.exclude(user=request.user).count(),
    }
    return render(request, "pages/delete_workspace.html", context)


@person
@refused_on("delete_account")
def delete_account(request: AuthedRequest) -> HttpResponse:
    """A GET asks; context: form (name, password where one is set), workspaces [(workspace, contents)] that go with it, left
    (names of those that stay). A POST deletes, once the address is typed and the password is right."""
    user = request.user
    if not user.has_usable_password():
        check_confirmed(request)
    if request.method == "POST":
        typed = cleaned(DeleteAccountForm(user, request.POST))
        addresses.check_password(request, typed.get("password", ""))
        user_id = user.pk
        erasure.erase_account(user)
        security.record(request, "account_deleted", subject="user", subject_id=user_id)
        logout(request)
        messages.success(request, _("Your account is deleted."))
        return redirect("account_login")
    own = erasure.own_workspaces(user)
    context = {
        "form": shown_form(request, reverse("delete_account"), DeleteAccountForm, user),
        "workspaces": [(workspace, erasure.contents_of_workspace(workspace)) for workspace in own],
        "left": user.workspaces.exclude(pk__in=[workspace.pk for workspace in own]),
    }
    return render(request, "pages/delete_account.html", context)
