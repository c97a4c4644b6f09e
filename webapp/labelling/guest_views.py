"""The page of guests who label, by their link alone; and the page on which links are made, and on which is said how far people agree."""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from webapp import answers as presentations
from webapp.accounts.access import load, needs
from webapp.accounts.requests import AuthedRequest
from webapp.accounts.rights import Right
from webapp.core.downloads import Download
from webapp.core.forms import refused_on
from webapp.core.media import type_of
from webapp.core.numbers import whole
from webapp.core.problems import Problem
from webapp.core.ranges import in_range
from webapp.datasets.models import DatasetVersion
from webapp.labelling import actions, guests
from webapp.labelling.kinds import answers_like, kind_of
from webapp.labelling.models import GuestLink
from webapp.prototypes.models import Prototype

MOST_GIVEN = 50_000
"""Characters of an answer that was refused, which come back."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def guest(request: HttpRequest, token: str) -> HttpResponse:
    """Context: link, item (masked), version, labels, described [(label, what it means)], labelled (rows by this guest), problem, given
    (what was said of the row and refused), scripts, kind of answers and what its template needs. A POST gives `row` the answer
    `value`."""
    try:
        link = guests.check_works(GuestLink.objects.select_related("prototype__dataset").filter(token=token).first())
        version = version_for(link)
    except Problem as ended:
        return render(request, "labelling/guest.html", {"problem": ended, "link": None}, status=ended.status)
    problem = take(request, link, version) if request.method == "POST" else None
    if request.method == "POST" and problem is None:
        return redirect("guest_label", token)
    labels, notes = [label for label, _rows in actions.labels_of(version)], guests.notes_of(version)
    item, labelling = guests.next_item(link, version), kind_of(version)
    is_again = problem is not None and item is not None and request.POST.get("row") == str(item.row)
    context: dict[str, Any] = {
        "link": link,
        "version": version,
        "item": item,
        "given": request.POST.get("value", "")[:MOST_GIVEN] if is_again else "",
        "scripts": labelling.scripts if labelling.needs_row and item is not None else (),
        "labels": labels,
        "described": [(label, notes[label]) for label in labels if notes.get(label)],
        "labelled": guests.labelled_by(link),
        "problem": problem,
        "kind": presentations.of_task(version.suggestion["task"]),
        **labelling.context(answers_like(version)),
    }
    return render(request, "labelling/guest.html", context, status=problem.status if problem else 200)


def version_for(link: GuestLink) -> DatasetVersion:
    """`Problem` in words for guests where rows are not answered with what they give any more."""
    try:
        return guests.version_for_guests(link.prototype.dataset)
    except Problem as problem:
        if problem.code != "no_labelling":
            raise
        raise Problem(
            _("There is nothing here for guests to label right now. Everything that you labelled is kept."),
            code="no_labelling",
            hint=_("Ask the person who sent you the link."),
        ) from problem


@never_cache
@require_http_methods(["GET", "HEAD"])
def guest_media(request: HttpRequest, token: str, row: int) -> Download:
    """The picture or sound of a row that the guest is asked about, never as a type that a browser runs."""
    link = guests.check_works(GuestLink.objects.select_related("prototype__dataset").filter(token=token).first())
    content = guests.media_of_row(link, version_for(link), row)
    response = in_range(request, BytesIO(content), type_of(content))
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def take(request: HttpRequest, link: GuestLink, version: Any) -> Problem | None:
    """What is wrong with what was sent, if anything is."""
    try:
        if request.POST.get("version") != version.pk:
            raise Problem(
                _("There is a newer version of the rows, and this label is not in it."),
                code="other_version",
                hint=_("Go on with the row below. What you labelled before is kept."),
                status=409,
            )
        row = whole(request.POST.get("row", ""), None)
        guests.decide(link, version, row or 0, kind_of(version).typed(request.POST))
    except Problem as refusal:
        return refusal
    return None


@needs(Right.EDIT)
@refused_on("label_guests")
def label_guests(request: AuthedRequest, pk: str) -> HttpResponse:
    """Context: prototype, links [(link, address, rows labelled)], agreement, likeness_title, labels [(label, what it means)], most_days, media (image and audio, whichever the rows have). A POST does
    `action`: invite (name, days, share, unmasked), revoke (`link`), describe (`label`, `words`)."""
    prototype = load(Prototype.objects.select_related("dataset", "workspace"), request.workspace, pk)
    version = guests.version_for_guests(prototype.dataset)
    if request.method == "POST":
        change(request, prototype)
        return redirect("label_guests", pk)
    notes = guests.notes_of(version)
    links = GuestLink.objects.filter(prototype=prototype)
    context = {
        "prototype": prototype,
        "links": [
            (link, settings.PUBLIC_URL + reverse("guest_label", args=[link.token]), guests.labelled_by(link))
            for link in links
        ],
        "agreement": guests.agreement(prototype),
        "likeness_title": kind_of(version).likeness_title,
        "labels": [(label, notes.get(label, "")) for label, _rows in actions.labels_of(version)],
        "most_days": guests.MOST_DAYS,
        "media": guests.media_of(version),
    }
    return render(request, "labelling/guests.html", context)


def change(request: AuthedRequest, prototype: Prototype) -> None:
    action = request.POST.get("action", "")
    if action == "revoke":
        links = GuestLink.objects.filter(prototype=prototype)
        guests.revoke(load(links, request.workspace, request.POST.get("link", "")), request.user)
        messages.info(request, _("The link no longer works. What was labelled is kept."))
    elif action == "describe":
        version = guests.version_for_guests(prototype.dataset)
        guests.describe(version, request.POST.get("label", ""), request.POST.get("words", ""))
        messages.info(request, _("Saved."))
    else:
        days, share = (whole(request.POST.get(name, ""), 0) for name in ("days", "share"))
        unmasked = "unmasked" in request.POST
        guests.create(prototype, request.user, request.POST.get("name", ""), days, share, unmasked=unmasked)
