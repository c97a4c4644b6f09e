"""Where a demo is found: its slug, and the addresses made of it."""

import re
import unicodedata
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import hashed
from webapp.core.ids import new_id
from webapp.core.problems import Conflict, Problem
from webapp.endpoints.models import (
    Endpoint,
    ReleasedSlug,
    ShareLink,
    Visibility,
    slug_form,
)

HELD_BACK = timedelta(days=90)
"""How long an address that a demo gave up is only for its own workspace."""


def is_taken(slug: str, workspace_id: str) -> bool:
    """Asked in this order, since whoever gives an address up does both at once: there is no moment in which it looks free."""
    if Endpoint.objects.filter(slug=slug).exists():
        return True
    since = timezone.now() - HELD_BACK
    held = ReleasedSlug.objects.filter(digest=hashed(slug), released_at__gt=since)
    return held.exclude(workspace_id=workspace_id).exists()


def release(slug: str, workspace_id: str) -> None:
    """Hold an address back for the workspace that gives it up."""
    fields = {"workspace_id": workspace_id, "released_at": timezone.now()}
    ReleasedSlug.objects.update_or_create(digest=hashed(slug), defaults=fields)


def delete_expired() -> None:
    """Addresses that anybody may have again."""
    ReleasedSlug.objects.filter(released_at__lte=timezone.now() - HELD_BACK).delete()


def check_slug(slug: str, workspace_id: str) -> str:
    if not re.fullmatch(slug_form.regex, slug):  # the validator itself lets a line feed at the end pass
        raise Problem(
            _("“%(slug)s” cannot be part of an address.") % {"slug": slug[:60]},
            code="bad_slug",
            field="slug",
            hint=str(slug_form.message),
        )
    if is_taken(slug, workspace_id):
        raise slug_taken(slug)
    return slug


def slug_taken(slug: str) -> Conflict:
    message = _("The address “%(slug)s” is taken.") % {"slug": slug}
    return Conflict(message, code="slug_taken", hint=_("Choose another one."), field="slug")


def save_slug(endpoint: Endpoint, *, chosen: bool, update_fields: list[str] | None = None) -> None:
    """Store the row. Where another one took its slug at the same moment: `Conflict` for a chosen one, else another."""
    try:
        with transaction.atomic():
            endpoint.save(update_fields=update_fields)
    except IntegrityError as error:
        if not Endpoint.objects.filter(slug=endpoint.slug).exclude(pk=endpoint.pk).exists():
            raise
        if chosen:
            raise slug_taken(endpoint.slug) from error
        endpoint.slug = f"{endpoint.slug[:53]}-{new_id()[:6]}"
        endpoint.save()


def free_slug(name: str, workspace_id: str) -> str:
    """A readable slug from a name, made unique with a few random characters where it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")
    slug = slug if len(slug) >= 3 else f"demo-{new_id()[:6]}"
    return f"{slug}-{new_id()[:6]}" if is_taken(slug, workspace_id) else slug


def demo_path(endpoint: Endpoint, link: ShareLink | None = None) -> str:
    path = reverse("demo", args=[endpoint.slug])
    return f"{path}?link={link.token}" if link else path


def demo_url(endpoint: Endpoint) -> str:
    """The address to send: with the first working link's token when only links open it."""
    link = None
    if endpoint.visibility == Visibility.LINK:
        # Not filtered in the database: a list of endpoints has fetched their links already.
        working = [link for link in endpoint.links.all() if link.works]
        link = min(working, key=lambda link: link.created_at, default=None)
    return f"{settings.PUBLIC_URL}{demo_path(endpoint, link)}"


def predict_url(endpoint: Endpoint) -> str:
    return f"{settings.PUBLIC_URL}/e/{endpoint.slug}/predict"
