"""Verbs over endpoints: deploy a run, promote a version, change a demo, switch it off, delete it; its keys and links."""

import json
from pathlib import Path
from typing import Any, cast

from django.db import transaction
from django.db.models import CharField, F
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts import limits, security
from webapp.accounts.actions import audit, erase_names
from webapp.accounts.models import User
from webapp.accounts.usage import in_use_or_new
from webapp.core.models import next_number
from webapp.core.problems import Conflict, Problem
from webapp.costs import gate
from webapp.endpoints import golden, registry
from webapp.endpoints.addresses import check_slug, free_slug, release, save_slug
from webapp.endpoints.choosing import Choice, choose
from webapp.endpoints.hosting import charge_until_now
from webapp.endpoints.models import (
    Endpoint,
    EndpointKey,
    EndpointVersion,
    ShareLink,
    Status,
    Visibility,
)
from webapp.prototypes.models import Prototype
from webapp.runs import storage
from webapp.runs.models import Run
from webapp.runs.models import Status as RunStatus

FETCHED_AT_ONCE = 5
"""Artifacts asked for from the bucket each minute; one at a time comes."""


def deploy(run: Run, user: User | None, **changes: object) -> tuple[Endpoint, str | None]:
    """Serve a run. The prototype's endpoint is made the first time (with its first key, returned) and kept after.

    Wishes: name, slug, visibility (of a new endpoint anyone with the link, as on the share page), examples (a `Choice` of what
    visitors see of this run); of an endpoint that there is also words and status. All of it happens, or nothing.
    """
    if run.status != RunStatus.SUCCEEDED:
        raise Conflict(_("Only a finished run can be shared."), code="not_finished", hint=_("Wait until it is done."))
    storage.check_model(run)
    gate.check_budget(run.workspace)
    golden.check(run)
    ready, choice = exported(storage.local(run)), changes.pop("examples", None)
    with transaction.atomic():
        lock_run(run)  # a first deployment has no row of its own yet
        storage.check_model(run)  # it may have been removed since
        endpoint = Endpoint.objects.select_for_update().filter(prototype=run.prototype).first()
        key = None
        if endpoint is None:
            endpoint = create_endpoint(run, user, changes)
            _key, key = EndpointKey.issue(endpoint, _("first key"))
        else:
            if endpoint.current is None and changes.get("status") == Status.LIVE:
                changes["status"] = None  # it goes live as soon as it can
            update(endpoint, user, changes)
        if isinstance(choice, Choice):
            choose(endpoint, user, choice)
        number = next_number(endpoint.versions.all())
        version = EndpointVersion.objects.create(
            workspace_id=run.workspace_id, endpoint=endpoint, run=run, number=number
        )
        Endpoint.objects.filter(pk=endpoint.pk).update(wanted=version)
        audit(run.workspace, user, "deployed", "endpoint", endpoint.pk, f"{endpoint.name}, {run}")
    if ready:
        go_live(version, asked_again=False)
    else:
        Endpoint.objects.filter(pk=endpoint.pk, current=None).update(status=Status.DEPLOYING)
        publish(endpoint)
        version.send()
    endpoint.refresh_from_db()
    return endpoint, key


def lock_run(run: Run) -> None:
    """Hold the row of a run's prototype until the transaction ends: who deploys, promotes or deletes comes one after the
    other. `Conflict` when the run was deleted meanwhile."""
    Prototype.objects.select_for_update().filter(pk=run.prototype_id).first()
    if not Run.objects.select_for_update().filter(pk=run.pk).exists():
        raise Conflict(_("This run was deleted meanwhile."), code="deleted", hint=_("Choose another run."))


def create_endpoint(run: Run, user: User | None, fields: dict[str, Any]) -> Endpoint:
    limits.check(run.workspace, "endpoints", "keys", "links")
    name = str(fields.get("name") or run.prototype.name)[:120]
    slug = (
        check_slug(str(fields["slug"]), run.workspace_id) if fields.get("slug") else free_slug(name, run.workspace_id)
    )
    endpoint = Endpoint(
        workspace_id=run.workspace_id,
        prototype=run.prototype,
        created_by=user,
        name=name,
        slug=slug,
        words=run.prototype.summary,
        visibility=check_visibility(fields.get("visibility") or Visibility.LINK),
    )
    save_slug(endpoint, chosen=bool(fields.get("slug")))
    ShareLink.issue(endpoint, _("First link"))
    record_visibility(endpoint, user, "demo_shared")
    return endpoint


def record_visibility(endpoint: Endpoint, user: User | None, verb: str) -> None:
    """Who can open the demo from now on: public, link or private."""
    if endpoint.visibility == Visibility.PUBLIC:
        verb = "demo_made_public"
    subject, text = {"subject": "endpoint", "subject_id": endpoint.pk}, f"{endpoint.name}: {endpoint.visibility}"
    security.record(None, verb, user=user, workspace=endpoint.workspace, text=text, **subject)


def check_visibility(value: object) -> str:
    if value not in Visibility.values:
        raise Problem(
            _("“%(value)s” is not a valid visibility.") % {"value": value},
            code="bad_visibility",
            hint=_("Choose one of %(names)s.") % {"names": ", ".join(Visibility.values)},
        )
    return str(value)


def exported(artifact: Path) -> dict[str, Any] | None:
    """The artifact's export, if it was packaged for serving. Half of one, as a full disk once left it, is none."""
    try:
        export: dict[str, Any] = json.loads((artifact / "onnx" / "export.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return export


def runs_without_files() -> list[str]:
    """Runs that live demos serve and whose files are in the bucket alone: a few, the others the next time."""
    served = Run.objects.filter(stored_at__isnull=False, deployments__endpoint__current__run=F("pk")).distinct()
    return [run.pk for run in served if not storage.is_here(run)][:FETCHED_AT_ONCE]


def go_live(version: EndpointVersion, *, asked_again: bool = True) -> None:
    """Serve this version from now on: also how a version is promoted or rolled back to. `Conflict` where there is nothing to
    serve, or no longer.

    One that was asked for before another (not `asked_again`) goes live only while nothing newer was asked for. A demo that
    its owner paused stays paused.
    """
    details = exported(storage.local_model(version.run))
    if details is None:
        raise not_packaged()
    with transaction.atomic():
        lock_run(version.run)
        storage.check_model(version.run)
        endpoints = Endpoint.objects.select_for_update(of=("self",)).select_related("current")
        endpoint = endpoints.filter(pk=version.endpoint_id).first()
        if endpoint is None:
            raise Conflict(_("This demo was deleted meanwhile."), code="deleted", hint=_("Deploy the run again."))
        version.engine, version.export, version.error = details.get("engine", "onnx-fp32"), details, None
        version.save(update_fields=["engine", "export", "error"])
        if not asked_again and not takes_over(version, endpoint):
            return
        target_id = version.pk if asked_again else endpoint.wanted_id
        fields = {"current": version, "wanted_id": target_id, "error": None}
        if endpoint.status == Status.OFF:
            Endpoint.objects.filter(pk=endpoint.pk).update(**fields)
        else:
            awaken(endpoint.pk, **fields)
    publish(version.endpoint)


def not_packaged() -> Conflict:
    return Conflict(
        _("This version was never packaged for serving."), code="not_ready", hint=_("Deploy its run instead.")
    )


def takes_over(version: EndpointVersion, endpoint: Endpoint) -> bool:
    """Whether a version that has just been packaged is the one to serve."""
    if endpoint.current is None or endpoint.wanted_id == version.pk:
        return True
    return endpoint.wanted_id is None and version.number > endpoint.current.number


def awaken(pk: str, **fields: object) -> None:
    """Live from now on. One that was live already goes on being charged from its last charge."""
    Endpoint.objects.filter(pk=pk).exclude(status=Status.LIVE).update(charged_until=timezone.now())
    Endpoint.objects.filter(pk=pk).update(status=Status.LIVE, **fields)


def publish(endpoint: Endpoint) -> None:
    transaction.on_commit(lambda: registry.publish(endpoint))


def update(endpoint: Endpoint, user: User | None, asked_changes: dict[str, Any]) -> Endpoint:
    """Change name, words, system_prompt, slug, visibility, status (`live`, `off`) or examples (a `Choice`); what is left out stays."""
    before, choice = endpoint.slug, asked_changes.get("examples")
    changes = changes_of(endpoint, asked_changes)
    for field, value in changes.items():
        setattr(endpoint, field, value)
    with transaction.atomic():
        if changes:  # and these alone: another request may have changed the others since this row was read
            save_slug(endpoint, chosen=True, update_fields=list(changes))
        if "visibility" in changes:
            record_visibility(endpoint, user, "demo_visibility_changed")
        if "slug" in changes:
            release(before, endpoint.workspace_id)
        if asked_changes.get("status"):
            switch(endpoint, user, str(asked_changes["status"]))
        if isinstance(choice, Choice):
            choose(endpoint, user, choice)
    if "slug" in changes:
        transaction.on_commit(lambda: registry.leave(before))
    publish(endpoint)
    return endpoint


def changes_of(endpoint: Endpoint, asked_changes: dict[str, Any]) -> dict[str, str]:
    """The wishes for name, words, system_prompt, visibility and slug that ask for something else than there is; `Problem` where one of them
    cannot be."""
    changes: dict[str, str] = {}
    for field in ("name", "words", "system_prompt"):
        if asked_changes.get(field) or (field != "name" and asked_changes.get(field) is not None):
            changes[field] = str(asked_changes[field])[
                : cast("CharField[str, str]", Endpoint._meta.get_field(field)).max_length
            ]
    if asked_changes.get("visibility"):
        changes["visibility"] = check_visibility(asked_changes["visibility"])
    if asked_changes.get("slug") and asked_changes["slug"] != endpoint.slug:
        changes["slug"] = check_slug(str(asked_changes["slug"]), endpoint.workspace_id)
    return {field: value for field, value in changes.items() if value != getattr(endpoint, field)}


def switch(endpoint: Endpoint, user: User | None, status: str) -> Endpoint:
    """Put a demo to sleep or wake it. Keys and links stay."""
    if status not in (Status.LIVE, Status.OFF):
        raise Problem(_("A demo is live or off."), code="bad_status", hint=_("Send status live or off."))
    if endpoint.current is None:
        raise Conflict(_("This demo is not ready yet."), code="not_ready", hint=_("Wait until it is live."))
    if status == Status.LIVE:
        verb = "woke"
        gate.check_budget(endpoint.workspace)
        awaken(endpoint.pk)
    else:
        verb = "put to sleep"
        charge_until_now(endpoint)
        Endpoint.objects.filter(pk=endpoint.pk).update(status=status)
    endpoint.refresh_from_db()
    audit(endpoint.workspace, user, verb, "endpoint", endpoint.pk, endpoint.name)
    publish(endpoint)
    return endpoint


def names_of(endpoint: Endpoint) -> list[str]:
    """The ids of the demo and of all that has a name below it."""
    below = (endpoint.keys, endpoint.links, endpoint.versions)
    return [endpoint.pk, *(pk for rows in below for pk in rows.values_list("pk", flat=True))]


@transaction.atomic
def delete(endpoint: Endpoint, user: User | None) -> None:
    """The demo with its links, keys, versions and feedback; the runs, their models and what it has cost stay. Deleted again, it
    stays deleted, and is told of once."""
    if Endpoint.objects.select_for_update().filter(pk=endpoint.pk).first() is None:
        return
    audit(endpoint.workspace, user, "deleted", "endpoint", endpoint.pk)
    slug = endpoint.slug
    charge_until_now(endpoint)
    erase_names(endpoint.workspace_id, names_of(endpoint))
    endpoint.delete()
    transaction.on_commit(lambda: registry.leave(slug))


def promote(
    version: EndpointVersion, user: User | None, choice: Choice | None = None, *, is_undone: bool = False
) -> None:
    """Serve an older version again, or a newer one, with the examples of its run that were chosen. `Conflict` for one that was
    never packaged, whose model was removed, or that fails the golden set, unless it was live just before (`is_undone`)."""
    storage.check_model(version.run)
    if not version.engine:
        raise not_packaged()
    gate.check_budget(version.workspace)
    if not is_undone:
        golden.check(version.run)
    if choice:
        with transaction.atomic():
            choose(version.endpoint, user, choice)
    go_live(version)
    audit(version.workspace, user, "rolled to", "endpoint", version.endpoint_id, str(version))


def create_key(endpoint: Endpoint, user: User | None, name: str) -> tuple[EndpointKey, str]:
    with transaction.atomic():
        limits.check(endpoint.workspace, "keys")
        key, secret = EndpointKey.issue(endpoint, name)
        audit(endpoint.workspace, user, "created", "key", key.pk, f"{endpoint.name}: {key.name}")
        publish(endpoint)
    return key, secret


def create_link(endpoint: Endpoint, user: User | None, name: str, days: int | None = None) -> ShareLink:
    if days is not None and not 1 <= days <= 3650:
        raise Problem(
            _("A link lasts between 1 and 3650 days."), code="bad_expiry", hint=_("Leave it out for no expiry.")
        )
    with transaction.atomic():
        limits.check(endpoint.workspace, "links")
        link = ShareLink.issue(endpoint, name, days)
        audit(endpoint.workspace, user, "created", "link", link.pk, f"{endpoint.name}: {link.name}")
    return link


def revoke(secret: EndpointKey | ShareLink, user: User | None) -> None:
    """End a key or a link; the others go on."""
    secret.revoked_at = timezone.now()
    secret.save(update_fields=["revoked_at"])
    kind, text = type(secret).__name__.lower(), f"{secret.endpoint.name}: {secret.name}"
    audit(secret.workspace, user, "revoked", kind, secret.pk, text)
    publish(secret.endpoint)


def restore(link: ShareLink, user: User | None) -> None:
    with transaction.atomic():
        if not ShareLink.objects.filter(in_use_or_new(), pk=link.pk).exists():
            limits.check(link.workspace, "links")
        link.revoked_at = None
        link.save(update_fields=["revoked_at"])
        audit(link.workspace, user, "restored", "sharelink", link.pk, f"{link.endpoint.name}: {link.name}")
