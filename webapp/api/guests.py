"""/prototypes/{id}/guests: links by which people without an account label."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from ninja import Router, Schema, Status

from webapp.accounts.access import load
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.api.auth import Body, Token, once
from webapp.labelling import guests
from webapp.labelling.agreement import Agreement
from webapp.labelling.models import GuestLink
from webapp.prototypes.models import Prototype

router = Router(tags=["labelling"])
EDITOR = Token(Right.EDIT, reading=Right.EDIT)
"""Whoever has a link labels by it, so that not even a list of them is for viewers."""


class GuestIn(Body):
    name: str
    """For whom it is."""
    days: int = 14
    share: int = 100
    """Per cent of the rows without a label."""
    pictures: bool = False
    """Guests may see pictures as they are: nothing in them is masked."""
    sounds: bool = False
    """The same of sounds."""


class GuestOut(Schema):
    id: str
    name: str
    address: str
    share: int
    pictures: bool
    """Whether pictures and sounds are shown as they are."""
    expires_at: datetime | None
    revoked_at: datetime | None
    works: bool
    labelled: int
    """Rows, second opinions too."""


class NoteIn(Body):
    label: str
    words: str
    """What it means, at most 400 characters; empty: nothing is said."""


class NoteOut(Schema):
    label: str
    words: str


class GuestsOut(Schema):
    items: list[GuestOut]
    agreement: Agreement | None
    """Null as long as fewer than ten rows have two opinions."""
    notes: list[NoteOut]
    """What labels mean, as guests are told."""
    next: None = None


def shape(link: GuestLink) -> dict[str, Any]:
    same = ("id", "name", "share", "pictures", "expires_at", "revoked_at", "works")
    address = settings.PUBLIC_URL + reverse("guest_label", args=[link.token])
    return {name: getattr(link, name) for name in same} | {"address": address, "labelled": guests.labelled_by(link)}


def load_prototype(request: AuthedRequest, pk: str) -> Prototype:
    return load(Prototype.objects.select_related("dataset", "workspace"), request.workspace, pk)


@router.get("/prototypes/{pk}/guests", response=GuestsOut, auth=EDITOR)
def list_guests(request: AuthedRequest, pk: str) -> dict[str, Any]:
    """Also those that have ended; and how far people agree, with the two labels that are disputed most."""
    prototype = load_prototype(request, pk)
    version = prototype.dataset.current
    return {
        "items": [shape(link) for link in GuestLink.objects.filter(prototype=prototype)],
        "agreement": guests.agreement(prototype),
        "notes": notes_shape(guests.notes_of(version) if version else {}),
        "next": None,
    }


def notes_shape(notes: dict[str, str]) -> list[dict[str, str]]:
    return [{"label": label, "words": words} for label, words in sorted(notes.items())]


@router.put("/prototypes/{pk}/guests/notes", response=NoteOut, auth=EDITOR)
def describe_label(request: AuthedRequest, pk: str, payload: NoteIn) -> dict[str, str]:
    """Says what a label means: guests read it beside their row, so that two who differ can settle it."""
    version = guests.version_for_guests(load_prototype(request, pk).dataset)
    words = guests.describe(version, payload.label, payload.words)
    return {"label": payload.label, "words": words}


@router.post("/prototypes/{pk}/guests", response={201: GuestOut}, auth=EDITOR)
@once
def create_guest(request: AuthedRequest, pk: str, payload: GuestIn) -> Status[dict[str, Any]]:
    """A link that opens a share of the rows without a label, personal data in texts masked, and nothing else."""
    prototype, unmasked = load_prototype(request, pk), payload.pictures or payload.sounds
    link = guests.create(prototype, request.user, payload.name, payload.days, payload.share, unmasked=unmasked)
    return Status(201, shape(link))


@router.delete("/prototypes/{pk}/guests/{guest}", response={204: None}, auth=EDITOR)
def revoke_guest(request: AuthedRequest, pk: str, guest: str) -> Status[None]:
    """It no longer works; what was labelled is kept."""
    links = GuestLink.objects.select_related("workspace").filter(prototype=load_prototype(request, pk))
    guests.revoke(load(links, request.workspace, guest), request.user)
    return Status(204, None)
