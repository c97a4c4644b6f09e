"""Pages about who belongs to a workspace, and about the workspaces that somebody belongs to."""

from collections.abc import Mapping

from allauth.account.models import EmailAddress
from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from webapp.accounts import actions, people, security
from webapp.accounts.access import form_on, needs, person
from webapp.accounts.confirming import confirmed
from webapp.accounts.forms import InvitationForm, JoinForm, MemberRoleForm, WorkspaceForm
from webapp.accounts.models import Invitation, Membership, User
from webapp.accounts.requests import AuthedRequest, SiteRequest
from webapp.accounts.rights import RIGHTS, Right, Role
from webapp.core.forms import cleaned, refused_on, shown_form
from webapp.core.problems import Forbidden

PAGE = 50
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@needs(Right.VIEW)
def members(request: AuthedRequest) -> HttpResponse:
    """Context: page (of memberships, each with `roles`, what this reader may make of it), total, search, invitations (pending,
    for admins), invitation_form, new_link (shown once), rights [(right, [whether each role has it])], roles, role_form."""
    search = request.GET.get("search", "").strip()[:254]
    memberships = request.workspace.memberships.select_related("user").order_by("created_at", "pk")
    total = memberships.count()
    if search:
        memberships = memberships.filter(user__email__icontains=search)
    page = Paginator(memberships, PAGE).get_page(request.GET.get("page"))
    owners = request.workspace.memberships.filter(role=Role.OWNER, user__is_active=True).count()
    for member in page:
        member.choices = role_choices(request.membership, member, owners)  # type: ignore[attr-defined]
        member.is_removable = is_removable(request.membership, member, owners)  # type: ignore[attr-defined]
    roles = people.assignable_roles(request.membership)
    context = {
        "page": page,
        "total": total,
        "search": search,
        "invitations": Invitation.pending(request.workspace) if request.membership.can_administer else [],
        "invitation_form": shown_form(request, reverse("invite_member"), InvitationForm, roles),
        "assignable": roles,
        "new_link": request.session.pop("new_invitation", None),
        "days": Invitation.LIFETIME.days,
        "roles": list(Role),
        "rights": [(right.label, [right in RIGHTS[role] for role in Role]) for right in Right],
    }
    return render(request, "accounts/members.html", context)


def role_choices(reader: Membership, member: Membership, owners: int) -> list[Role]:
    """The roles that this reader may give this member now, theirs among them; none where it cannot be changed."""
    if not reader.can(people.right_to_assign(member.role)):
        return []
    if member.role == Role.OWNER and owners <= 1:
        return []
    choices = people.assignable_roles(reader)
    if member.pk == reader.pk:
        choices = [role for role in choices if RIGHTS[role] <= RIGHTS[Role(member.role)]]
    return choices


def is_removable(reader: Membership, member: Membership, owners: int) -> bool:
    is_last_owner = member.role == Role.OWNER and owners <= 1
    return member.pk != reader.pk and not is_last_owner and reader.can(people.right_to_assign(member.role))


@form_on("members", guard=needs(Right.ADMINISTER))
def invite_member(request: AuthedRequest) -> HttpResponse:
    fields = cleaned(InvitationForm(people.assignable_roles(request.membership), request.POST))
    invitation, link = people.invite(request.membership, fields["email"], fields["role"], request)
    if link:
        request.session["new_invitation"] = {"email": invitation.email, "link": link}
    else:
        messages.success(request, _("The invitation was sent to %(email)s.") % {"email": invitation.email})
    return redirect("members")


@needs(Right.ADMINISTER)
@require_POST
def end_invitation(request: AuthedRequest, pk: str) -> HttpResponse:
    people.end_invitation(request.membership, pk, request)
    messages.success(request, _("The invitation no longer works."))
    return redirect("members")


@form_on("members", lambda *_args, **_options: [], guard=needs(Right.ADMINISTER))
def change_role(request: AuthedRequest, pk: int) -> HttpResponse:
    member = people.load_member(request.workspace, pk)
    role = cleaned(MemberRoleForm(request.POST))["role"]
    people.change_role(request.membership, member, role, request)
    messages.success(
        request, _("Role of %(email)s: %(role)s.") % {"email": member.user.email, "role": Role(role).label}
    )
    return redirect("members")


@needs(Right.ADMINISTER)
@refused_on("members", lambda *_args, **_options: [])
def remove_member(request: AuthedRequest, pk: int) -> HttpResponse:
    """A GET asks; context: member, ending (what ends with it). A POST removes."""
    member = people.load_member(request.workspace, pk)
    if request.method == "POST":
        people.remove(request.membership, member, request)
        messages.success(request, _("%(email)s was removed.") % {"email": member.user.email})
        return redirect("members")
    return render(request, "accounts/remove_member.html", {"member": member, "ending": ending(member)})


def ending(member: Membership) -> Mapping[str, int]:
    """How much of this member's ends when they go."""
    return {
        "tokens": member.user.api_tokens.filter(workspace=member.workspace_id, revoked_at=None).count(),
        "invitations": Invitation.pending(member.workspace).filter(invited_by=member.user).count(),
    }


@needs(Right.OWN)
@refused_on("members", lambda *_args, **_options: [])
@confirmed
def transfer_workspace(request: AuthedRequest, pk: int) -> HttpResponse:
    """A GET asks; context: member. A POST makes them an owner and the reader an admin."""
    member = people.load_member(request.workspace, pk)
    if request.method == "POST":
        people.transfer(request.membership, member, request)
        message = _("%(email)s is now an owner of “%(name)s”, and you are an admin.")
        messages.success(request, message % {"email": member.user.email, "name": request.workspace.name})
        return redirect("members")
    return render(request, "accounts/transfer_workspace.html", {"member": member})


@needs(Right.VIEW)
@refused_on("members")
def leave_workspace(request: AuthedRequest) -> HttpResponse:
    """A GET asks; context: ending (what ends with it), is_last_owner. A POST leaves."""
    if request.method == "POST":
        name = request.workspace.name
        people.leave(request.membership, request)
        request.session.pop("workspace", None)
        messages.success(request, _("You left “%(name)s”.") % {"name": name})
        return redirect("home")
    owners = request.workspace.memberships.filter(role=Role.OWNER, user__is_active=True)
    is_last = request.membership.can_own and not owners.exclude(pk=request.membership.pk).exists()
    context = {"ending": ending(request.membership), "is_last_owner": is_last}
    return render(request, "accounts/leave_workspace.html", context)


@person
def workspaces(request: AuthedRequest) -> HttpResponse:
    """Context: memberships (all of the reader's), form (name of a new one)."""
    context = {
        "page": Paginator(
            request.user.memberships.select_related("workspace").order_by("created_at", "pk"), PAGE
        ).get_page(request.GET.get("page")),
        "form": shown_form(request, reverse("create_workspace"), WorkspaceForm),
    }
    return render(request, "accounts/workspaces.html", context)


@form_on("workspaces", guard=person)
def create_workspace(request: AuthedRequest) -> HttpResponse:
    workspace = people.found_workspace(request.user, cleaned(WorkspaceForm(request.POST))["name"], request)
    request.session["workspace"] = workspace.pk
    messages.success(request, _("“%(name)s” is ready.") % {"name": workspace.name})
    return redirect("home")


@person
@require_POST
def switch_workspace(request: AuthedRequest) -> HttpResponse:
    """To `workspace`, and on to `next`, an address of this site."""
    pk = request.POST.get("workspace", "")
    membership = request.user.memberships.select_related("workspace").filter(workspace_id=pk).first()
    if membership is None:
        raise Http404
    request.session["workspace"] = pk
    people.choose(request.user, membership.workspace)
    security.record(request, "workspace_switched", workspace=membership.workspace, subject="workspace", subject_id=pk)
    return go_on(request, request.POST.get("next", ""))


def go_on(request: HttpRequest, address: str) -> HttpResponseRedirect:
    is_ours = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return HttpResponseRedirect(address if is_ours else reverse("home"))


@require_http_methods(["GET", "HEAD", "POST"])
@refused_on("invitation")
def invitation(anybody: HttpRequest, secret: str) -> HttpResponse:
    """A GET shows who invites to what, and the ways in; context: invitation, way (`accept`, `other`, `stranger`), may_join (whether
    accounts are made), may_sign_in, form (a password, to join). A POST accepts, or makes the account and accepts."""
    request: SiteRequest = anybody  # type: ignore[assignment]
    pending = people.usable(secret)
    if request.method != "POST":
        return render(request, "account/invitation.html", ways_shown(request, pending))
    way = "sign_in" if "sign_in" in request.POST else way_in(request, pending)
    if way == "sign_in":
        request.session["invitation"] = secret
        return redirect(f"{reverse('account_login')}?next={reverse('invited')}")
    with transaction.atomic():
        user = make_account(request, pending) if way == "join" else signed_in(request, pending)
        member = people.accept(secret, user, request)
    if way == "join":
        login(request, user, backend=BACKEND)
        security.record(request, "signed_in", user=user)
    request.session.pop("invitation", None)
    request.session["workspace"] = member.workspace_id
    messages.success(request, _("You joined “%(name)s”.") % {"name": member.workspace.name})
    return redirect("home")


def ways_shown(request: SiteRequest, invitation: Invitation) -> dict[str, object]:
    """Whoever got the link by hand may not be who was invited, and does not learn from looking whether the address has an
    account: both ways are offered. A link that was mailed is seen by its owner, who is shown the one that fits."""
    way = way_in(request, invitation)
    is_stranger = way not in ("accept", "other")
    may_join = way == "join" or (is_stranger and not invitation.was_mailed and actions.may_be_made(""))
    return {
        "invitation": invitation,
        "way": "stranger" if is_stranger else way,
        "may_join": may_join,
        "may_sign_in": way == "sign_in" or (is_stranger and not invitation.was_mailed),
        "form": shown_form(request, request.path, JoinForm, invitation.email) if may_join else None,
    }


def way_in(request: SiteRequest, invitation: Invitation) -> str:
    if request.user.is_authenticated:
        return "accept" if request.user.email.lower() == invitation.email else "other"
    if User.objects.filter(email__iexact=invitation.email).exists():
        return "sign_in"
    return "join" if actions.may_be_made(invitation.email) else "closed"


def signed_in(request: SiteRequest, invitation: Invitation) -> User:
    if isinstance(request.user, User):
        return request.user
    raise Forbidden(
        _("No accounts are made on this site."), code="closed", hint=_("Ask the operator of this site to make yours.")
    )


def make_account(request: SiteRequest, invitation: Invitation) -> User:
    """For an address that has no account; verified where the link went to the address alone."""
    password = cleaned(JoinForm(invitation.email, request.POST))["password"]
    user = actions.create_account(invitation.email, password)
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=invitation.was_mailed)
    security.record(request, "signed_up", user=user)
    return user


@person
def invited(request: AuthedRequest) -> HttpResponse:
    """Back to the invitation that was opened before signing in: its secret stands in the session, not in an address."""
    secret = request.session.get("invitation")
    return redirect("invitation", secret=secret) if secret else redirect("home")
