"""Erasing whole: a dataset with all that was made from it, a workspace, an account. What each takes is counted before."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from trainer import cache
from webapp.accounts import security
from webapp.accounts.actions import create_workspace, erase_names
from webapp.accounts.models import ApiToken, AuditEvent, Invitation, Membership, Role, SecurityEvent, User, Workspace
from webapp.core import removals
from webapp.core.database import checkpoint
from webapp.core.problems import Conflict
from webapp.costs.models import Budget, LedgerEntry, Rate, Reservation
from webapp.datasets import uploads
from webapp.datasets.actions import delete_dataset
from webapp.datasets.models import Dataset, DatasetVersion, Upload
from webapp.endpoints.models import Endpoint, EndpointKey, Feedback, ShareLink
from webapp.pages import removal
from webapp.prototypes.models import Prototype
from webapp.runs.judge_models import JudgeAccess
from webapp.runs.models import Run
from webapp.runs.querysets import RunQuerySet


@dataclass(frozen=True)
class Contents:
    """How much something holds; `size`: bytes of all files on this machine."""

    datasets: int
    versions: int
    prototypes: int
    runs: int
    models: int
    demos: int
    links: int
    keys: int
    ratings: int
    size: int


def contents_of_dataset(dataset: Dataset) -> Contents:
    return contents(dataset.workspace, [dataset])


def contents_of_workspace(workspace: Workspace) -> Contents:
    return contents(workspace, list(Dataset.objects.for_workspace(workspace)))


def contents(workspace: Workspace, datasets: list[Dataset]) -> Contents:
    """Of these datasets and all that was made from them."""
    versions = DatasetVersion.objects.filter(dataset__in=datasets)
    runs = Run.objects.filter(version__dataset__in=datasets)
    demos = Endpoint.objects.filter(prototype__dataset__in=datasets)
    size = sum(dataset.upload_bytes + dataset.cache_bytes for dataset in datasets)
    for rows in (versions, runs):
        size += rows.aggregate(total=Sum("bytes"))["total"] or 0
    return Contents(
        datasets=len(datasets),
        versions=versions.count(),
        prototypes=Prototype.objects.filter(dataset__in=datasets).count(),
        runs=runs.count(),
        models=runs.with_model().count(),
        demos=demos.count(),
        links=ShareLink.objects.filter(endpoint__in=demos).count(),
        keys=EndpointKey.objects.filter(endpoint__in=demos).count(),
        ratings=Feedback.objects.filter(endpoint__in=demos).count(),
        size=size,
    )


def erase_dataset(dataset: Dataset, user: User | None) -> None:
    """With its prototypes, their runs and demos. `Conflict` while one of the runs is at work; what was deleted before it stays
    deleted, and the rest can be asked for again."""
    check_at_rest(Run.objects.filter(version__dataset=dataset))
    for prototype in dataset.prototypes.select_related("workspace", "dataset"):
        removal.delete_prototype(prototype, user)
    delete_dataset(dataset, user)


def check_at_rest(runs: RunQuerySet[Run]) -> None:
    running = runs.active().select_related("prototype").first()
    if running is not None:
        raise Conflict(
            _("%(run)s of “%(prototype)s” is still running.") % {"run": running, "prototype": running.prototype.name},
            code="at_work",
            hint=_("Cancel it, or wait until it has ended."),
        )


def erase_workspace(workspace: Workspace, user: User | None, leaving: User | None = None) -> None:
    """All that it owns. Its ledger stays, without any name, as the amounts of a workspace that nobody belongs to. Whoever
    belongs to no other gets an empty one, but `leaving`, whose account goes too. `Conflict` while a run is at work."""
    check_at_rest(Run.objects.for_workspace(workspace))
    for prototype in Prototype.objects.for_workspace(workspace).select_related("workspace", "dataset"):
        removal.delete_prototype(prototype, user)
    for dataset in Dataset.objects.for_workspace(workspace):
        delete_dataset(dataset, user)
    for upload in Upload.objects.for_workspace(workspace):
        uploads.remove(upload)
    remove_rows(workspace, leaving)
    checkpoint()


def remove_rows(workspace: Workspace, leaving: User | None) -> None:
    """The workspace's own rows and names, once nothing else is in it."""
    folder = cache.workspace_folder(settings.MAQUETTE_DATA / "cache", workspace.pk)
    with transaction.atomic():
        members = list(User.objects.filter(memberships__workspace=workspace))
        names = list(AuditEvent.objects.for_workspace(workspace).values_list("subject_id", flat=True).distinct())
        erase_names(workspace.pk, [name for name in names if name])
        AuditEvent.objects.for_workspace(workspace).update(text="")
        SecurityEvent.objects.for_workspace(workspace).delete()
        for model in (ApiToken, Invitation, JudgeAccess, Rate, Reservation):
            model.objects.filter(workspace=workspace).delete()
        Budget.objects.filter(workspace=workspace).delete()
        Membership.objects.filter(workspace=workspace).delete()
        if LedgerEntry.objects.for_workspace(workspace).exists():
            Workspace.objects.filter(pk=workspace.pk).update(name="", deleted_at=timezone.now())
        else:
            workspace.delete()
        for member in members:
            if member != leaving and not member.memberships.exists():
                create_workspace(member)
        removals.due(folder)
    removals.remove([folder])


def own_workspaces(user: User) -> list[Workspace]:
    """Those that go with the account: nobody else belongs to them."""
    workspaces = Workspace.objects.filter(memberships__user=user)
    return [workspace for workspace in workspaces if not workspace.memberships.exclude(user=user).exists()]


def check_not_last_owner(user: User) -> None:
    """`Conflict` where others would be left without an owner."""
    for membership in user.memberships.filter(role=Role.OWNER).select_related("workspace"):
        others = membership.workspace.memberships.exclude(user=user)
        if others.exists() and not others.filter(role=Role.OWNER, user__is_active=True).exists():
            raise Conflict(
                _("You are the only owner of “%(name)s”, which has other members.") % {"name": membership.workspace},
                code="last_owner",
                hint=_("Delete that workspace first, or make someone else its owner."),
            )


def erase_account(user: User) -> None:
    """The account, its sessions, tokens and addresses, and the workspaces that nobody else belongs to."""
    check_not_last_owner(user)
    own = own_workspaces(user)
    for workspace in own:
        check_at_rest(Run.objects.for_workspace(workspace))
    for workspace in own:
        erase_workspace(workspace, user, leaving=user)
    email = user.email
    with transaction.atomic():
        list(Workspace.objects.select_for_update(no_key=True).filter(memberships__user=user))
        check_not_last_owner(user)
        AuditEvent.objects.filter(text__icontains=email).update(text="")
        for token in ApiToken.objects.filter(user=user):
            erase_names(token.workspace_id, [token.pk])
        end_sessions(user)
        security.erase_person(user)
        user.delete()
    remove_mail(email)
    checkpoint()


def end_sessions(user: User) -> None:
    for session in Session.objects.iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()


def remove_mail(email: str) -> None:
    """Mails that were written to files because no mail server is set."""
    for path in (settings.MAQUETTE_DATA / "mail").glob("*.log"):
        if email.lower() in path.read_text("utf-8", errors="replace").lower():
            path.unlink(missing_ok=True)
