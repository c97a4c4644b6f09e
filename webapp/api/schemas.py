"""What answers look like, for /api/v1/openapi.json: times are RFC 3339 UTC, money decimal strings.

A field that an answer may lack has a default; `Whole` lets through what a schema does not name, so that a new field is
never lost on its way.
"""

from typing import Any, Generic, Literal, TypeVar

from ninja import Schema
from pydantic import BaseModel

Thing = TypeVar("Thing")
RunStatus = Literal[
    "queued", "starting", "running", "interrupted", "succeeded", "failed", "cancelled", "scored", "pruned"
]
SearchStatus = Literal["running", "testing", "succeeded", "failed", "cancelled"]
Verdict = Literal["up", "down"]


class Whole(BaseModel):
    # Not ninja's Schema: that one looks at a dict through attributes, which cannot be listed.
    model_config = {"extra": "allow"}


class Page(Schema, Generic[Thing]):
    """`next` is the cursor of the next page, null on the last one."""

    items: list[Thing]
    next: str | None


class Fault(Whole):
    code: str
    message: str
    hint: str = ""


class VersionOut(Schema):
    number: int
    status: Literal["processing", "ready", "failed"]
    rows: int
    sha256: str | None
    note: str
    created_at: str


class DatasetRow(Schema):
    id: str
    name: str
    status: Literal["processing", "ready", "failed"]
    rows: int
    created_at: str


class DatasetProblem(Whole):
    code: str
    severity: Literal["info", "warning", "error"]
    message: str


class DatasetReading(Whole):
    """How the files were read: a question (`what`), what was chosen, what else could be, and how sure that is (0 to 1)."""

    what: str
    chosen: str
    others: list[str]
    confidence: float
    doubt: bool
    sentence: str


class DatasetLeftOut(Whole):
    """Records of a file or a sheet that were not kept."""

    file: str
    sheet: str
    reason: str
    count: int
    sentence: str
    examples: list[str]


class DatasetOut(DatasetRow):
    progress: float
    columns: list[dict[str, Any]]
    labels: list[dict[str, Any]]
    split: dict[str, Any]
    problems: list[DatasetProblem]
    reading: list[DatasetReading]
    left_out: list[DatasetLeftOut]
    suggestion: dict[str, Any]
    trainable: bool
    sha256: str | None
    version: int | None
    versions: list[VersionOut]
    error: dict[str, Any] | None


class Headline(Whole):
    name: str
    value: float
    low: float | None = None
    high: float | None = None


class Scored(Schema):
    """A score on validation rows."""

    name: str
    value: float


class RunRow(Schema):
    """`hardware` is what was asked for, `device` what it really ran on, null before it began. A trial of a search has its
    `search`, its number there (`trial`) and its score on validation rows (`validation`)."""

    id: str
    name: str
    number: int
    prototype: str
    status: RunStatus
    stage: str | None
    progress: float
    task: str
    model: str
    method: str
    hardware: str
    device: str | None
    headline: Headline | None
    has_leak: bool
    cost: str
    currency: str
    seconds: float
    created_at: str
    search: str | None
    trial: int | None
    validation: Scored | None


class SearchRow(Schema):
    """`best`: the run of the best trial so far; `winner`: the one that is, or was, tested."""

    id: str
    number: int
    prototype: str
    status: SearchStatus
    task: str
    model: str
    method: str
    hardware: str
    trials: int
    most_trials: int
    best: str | None
    winner: str | None
    cost: str
    currency: str
    seconds: float
    created_at: str


class TrialOut(Schema):
    """One trial; `run` has everything else. `validation` is null while it has no score."""

    run: str
    trial: int
    status: RunStatus
    params: dict[str, Any]
    validation: Scored | None
    cost: str
    currency: str
    seconds: float


class SearchOut(SearchRow):
    """`space`: {setting: {low, high, log} or {choices}}; `importance`: {setting: its share of the differences between scores};
    `stopped`: why no further trial was made, {code: trials, cost, seconds, asked or outage, …}."""

    dataset: str
    version: int
    params: dict[str, Any]
    space: dict[str, Any]
    limits: dict[str, float | None]
    at_once: int
    seed: int
    importance: dict[str, float]
    stopped: dict[str, Any] | None
    error: Fault | None
    runs: list[TrialOut]
    finished_at: str | None


class Difference(Schema):
    """In the headline's metric; positive means that this run is better, whether the metric is to be high or low."""

    value: float
    low: float | None = None
    high: float | None = None


class RunVerdict(Schema):
    """`against`: the key of the best of `baselines`; `outcome`: better, not shown, worse."""

    against: str
    outcome: str
    difference: Difference | None = None
    sentence: str = ""


class BesideRun(Schema):
    """The best earlier run of the prototype; `outcome` may also be “not comparable”, where its test rows were others."""

    run: str
    number: int
    metric: str
    outcome: str
    difference: Difference | None
    rows: int
    sentence: str


class RunOut(RunRow):
    """`model_removed_at`: when the model was removed to free space; `artifact` is null from then on, the results stay."""

    dataset: str
    version: int
    columns: dict[str, Any]
    params: dict[str, Any]
    limits: dict[str, float | None]
    seed: int
    eta_seconds: float | None
    place: int | None
    metrics: dict[str, Any]
    baselines: dict[str, Any]
    verdict: RunVerdict | None
    against_best_run: BesideRun | None
    attempts: int
    stopped_early: bool
    error: Fault | None
    artifact: str | None
    model_removed_at: str | None
    started_at: str | None
    finished_at: str | None


class Seconds(Schema):
    low: float
    likely: float
    high: float


class Cost(Schema):
    low: str
    likely: str
    high: str
    currency: str


class EstimateOut(Schema):
    seconds: Seconds
    cost: Cost
    memory_bytes: int | None
    rows_per_second: float | None
    expected: Any
    basis: str


class MeasuringOut(Schema):
    """The trial goes on; `retry_after` is in seconds."""

    status: Literal["measuring"]
    retry_after: int


class EndpointOut(Schema):
    id: str
    slug: str
    name: str
    status: Literal["deploying", "live", "off", "failed"]
    blocked: Literal["budget"] | None
    visibility: Literal["private", "link", "public"]
    prototype: str
    run: str | None
    version: int | None
    engine: str | None
    agreement: float | None
    export: dict[str, Any] | None
    demo_url: str
    opens: bool
    """Whether `demo_url` opens for somebody who is not a member: false where it is private or every link has ended."""
    predict_url: str
    error: Fault | None
    created_at: str
    examples: list[dict[str, Any]]
    """What visitors see of the data: `{run, row}` of each row that was chosen, `{input}` of each that was written."""
    texts: bool
    """Whether visitors may read the texts of the data that the model finds."""
    system_prompt: str
    licence_notes: list[str]
    """What the licence of the base model forbids or asks for."""


class ExampleOut(Schema):
    number: int
    input: Any
    label: Any
    hidden: list[str]
    refusal: str | None


class NewEndpoint(EndpointOut):
    """`key` is shown once: null when the same request is sent again under its Idempotency-Key."""

    key: str | None


class KeyOut(Schema):
    id: str
    name: str
    hint: str
    last_used_at: str | None
    revoked_at: str | None
    created_at: str


class NewKey(KeyOut):
    key: str | None


class LinkOut(Schema):
    id: str
    name: str
    url: str
    opens: bool
    """Whether `url` opens for somebody who is not a member: false once it has ended or while the demo is private."""
    visits: int
    tries: int
    expires_at: str | None
    revoked_at: str | None


class FeedbackOut(Schema):
    id: str
    input: str
    output: Any
    verdict: Verdict
    should_have_been: str | None
    link: str | None
    settled_at: str | None
    """When a row was made of it, or it was dismissed."""
    created_at: str


class Used(Schema):
    """`prompt_tokens` and `completion_tokens`: of a model that writes, else 0."""

    requests: int
    errors: int
    rows: int
    prompt_tokens: int
    completion_tokens: int


class UsageTotal(Used):
    price_per_1000_tokens: str | None
    """What the demo cost by now for each 1,000 tokens that were written; null while there are none."""


class UsageHourOut(Used):
    hour: str
    key: str | None
    mean_ms: float | None


class UsageOut(Page[UsageHourOut]):
    total: UsageTotal


class PrototypeRow(Schema):
    id: str
    name: str
    summary: str
    task: str | None
    dataset: str
