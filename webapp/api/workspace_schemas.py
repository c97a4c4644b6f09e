"""Answers about a workspace: money and limits, people, space. The others, and the habits of all, are in `schemas`."""

from typing import Literal

from ninja import Schema

from webapp.api.schemas import Page, Whole

RoleName = Literal["owner", "admin", "editor", "labeller", "viewer"]
RightName = Literal["view", "label", "edit", "administer", "own"]


class CostRow(Whole):
    """One group: what it is grouped by, and its sums."""

    amount: str
    seconds: float


class CostsOut(Page[CostRow]):
    total: str
    currency: str
    since: str


class BudgetOut(Schema):
    amount: str
    spent: str
    left: str
    currency: str


class LimitOut(Schema):
    name: str
    used: float
    most: int | None


class RateOut(Schema):
    hardware: str
    title: str
    price_per_hour: str
    currency: str
    source: str
    source_date: str | None


class WorkspaceOut(Schema):
    id: str
    name: str


class OwnTokenOut(Schema):
    id: str
    name: str
    scope: Literal["read", "write", "admin"]
    expires_at: str | None


class WorkspaceDetail(WorkspaceOut):
    role: RoleName
    rights: list[RightName]
    """What the token may do here: those of its person's role."""
    members: int
    created_at: str


class MemberOut(Schema):
    id: str
    email: str
    name: str
    role: RoleName
    is_active: bool
    """Whether they can sign in."""
    since: str


class InvitationOut(Schema):
    id: str
    email: str
    role: RoleName
    invited_by: str
    created_at: str
    expires_at: str


class NewInvitation(InvitationOut):
    accept_url: str | None
    """The link, shown once where the site sends no mail; null where it was sent."""


class MeOut(Schema):
    email: str
    name: str
    role: RoleName
    workspace: WorkspaceOut
    token: OwnTokenOut | None = None


class StorageUse(Schema):
    """Bytes by kind."""

    uploads: int
    versions: int
    runs: int
    caches: int


class StorageOut(Schema):
    used: StorageUse
    total: int
    quota: int
    room: int


class RetentionOut(Schema):
    """Days; 0: for good."""

    feedback_days: int | None
    default_feedback_days: int
    default_dataset_days: int


class DatasetRetention(Schema):
    days: int | None
    default_days: int
