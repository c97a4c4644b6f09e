"""Twenty at once, on SQLite and (tests/ops/test_postgres.py) on PostgreSQL: nothing is made twice, nobody is told of a fault."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import copy
from decimal import Decimal
from threading import Event, Thread
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError, connections
from django.test import Client

from tests import things
from webapp.accounts.actions import create_token, ensure_user
from webapp.accounts.models import AuditEvent, User, Workspace
from webapp.core.problems import Conflict, Problem, problem_of
from webapp.costs import gate
from webapp.costs.actions import set_budget
from webapp.costs.gate import charge
from webapp.costs.models import LedgerEntry, Reservation
from webapp.datasets import quota, reading, uploads, versions
from webapp.datasets.actions import create_dataset, delete_dataset, sample_dataset
from webapp.datasets.models import Dataset, DatasetVersion
from webapp.endpoints import actions as endpoints
from webapp.endpoints.actions import deploy
from webapp.endpoints.models import Endpoint, EndpointVersion
from webapp.pages.removal import remove_model
from webapp.prototypes.models import Prototype
from webapp.runs.actions import create_run
from webapp.runs.models import Run, Status

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 20


def at_once(call: Callable[[int], Any]) -> list[Any]:
    """What each of twenty threads got; what one raises is raised here, but for a `Problem`, which is an answer."""

    def alone(number: int) -> Any:
        try:
            return call(number)
        except Problem as problem:
            return problem
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(alone, range(AT_ONCE)))


@pytest.fixture
def post(user: User, workspace: Workspace) -> Callable[[str, dict[str, Any]], int]:
    """The status of a POST to the API, from a client of its own."""
    _token, secret = create_token(user, workspace, "test")

    def send(path: str, body: dict[str, Any]) -> int:
        client = Client(headers={"Authorization": f"Bearer {secret}"})
        return client.post(f"/api/v1{path}", body, content_type="application/json").status_code

    return send


def test_a_first_deployment(workspace: Workspace, post: Callable[..., int]) -> None:
    run = things.run(things.prototype(workspace))
    statuses = at_once(lambda _: post("/endpoints", {"run": run.pk}))
    assert Counter(statuses) == {201: AT_ONCE}
    assert Endpoint.objects.count() == 1
    numbers = EndpointVersion.objects.values_list("number", flat=True)
    assert sorted(numbers) == list(range(1, AT_ONCE + 1))


def test_first_deployments_of_prototypes_with_one_name(workspace: Workspace) -> None:
    runs = [things.run(things.prototype(workspace)) for _ in range(AT_ONCE)]
    at_once(lambda number: deploy(runs[number], None))
    assert Endpoint.objects.count() == AT_ONCE


def test_an_address_chosen_by_all_is_one_s(workspace: Workspace) -> None:
    runs = [things.run(things.prototype(workspace)) for _ in range(AT_ONCE)]
    answers = at_once(lambda number: deploy(runs[number], None, slug="the-one"))
    refused = [answer.code for answer in answers if isinstance(answer, Problem)]
    assert refused == ["slug_taken"] * (AT_ONCE - 1)


def test_a_model_is_removed_or_deployed_never_both(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace))
    (run.artifact / "onnx").mkdir(parents=True)
    (run.artifact / "onnx" / "export.json").write_text('{"engine": "onnx-fp32"}')
    calls = (deploy, remove_model)
    answers = at_once(lambda number: calls[number % 2](Run.objects.get(pk=run.pk), None))
    refused = Counter(answer.code for answer in answers if isinstance(answer, Problem))
    is_removed = Run.objects.get().model_removed_at is not None
    assert is_removed is not Endpoint.objects.filter(current__run=run).exists()
    assert is_removed is not (run.artifact / "onnx").exists()
    assert refused == {"model_removed" if is_removed else "deployed": AT_ONCE // 2}


def test_a_model_is_removed_or_built_on_never_both(workspace: Workspace) -> None:
    base = things.run(things.prototype(workspace))
    (base.artifact / "model").mkdir(parents=True)
    (base.artifact / "model" / "model.safetensors").write_text("weights")
    other, body = things.prototype(workspace), {"model": f"artifact:{base.pk}"}
    calls = (lambda: create_run(other, None, body), lambda: remove_model(base, None))
    answers = at_once(lambda number: calls[number % 2]())
    is_removed = Run.objects.get(pk=base.pk).model_removed_at is not None
    assert is_removed is not Run.objects.active().exists()
    assert is_removed is not (base.artifact / "model").exists()
    refused = Counter(answer.code for answer in answers if isinstance(answer, Problem))
    assert refused == {"model_removed" if is_removed else "built_on": AT_ONCE // 2}


def test_versions_of_a_dataset(workspace: Workspace, post: Callable[..., int]) -> None:
    made = things.dataset(workspace, files=True)
    body = {"task": "text-classification", "columns": {"text": "note", "label": "label"}}
    assert Counter(at_once(lambda _: post(f"/datasets/{made.pk}/versions", body))) == {201: AT_ONCE}
    assert sorted(made.versions.values_list("number", flat=True)) == list(range(1, AT_ONCE + 2))


def test_runs_over_a_new_dataset_share_one_prototype(workspace: Workspace, post: Callable[..., int]) -> None:
    made = things.dataset(workspace, files=True)
    assert Counter(at_once(lambda _: post("/runs", {"dataset": made.pk}))) == {201: AT_ONCE}
    assert Prototype.objects.count() == 1
    assert sorted(Run.objects.values_list("number", flat=True)) == list(range(1, AT_ONCE + 1))


@contextmanager
def reader() -> Iterator[None]:
    """Reads versions as a worker does, until the block ends."""
    ended = Event()

    def work() -> None:
        while not ended.wait(0.1):
            for pk in DatasetVersion.objects.filter(status="processing").values_list("pk", flat=True):
                reading.read(pk)
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


MESSAGES = "text,label,remark\n" + "".join(
    f"message {at} about {'parcels' if at % 2 else 'cards'},{'late' if at % 2 else 'lost'},remark {at} by {'ann' if at % 3 else 'bob'}\n"
    for at in range(60)
)


@pytest.mark.parametrize("asked", [{"columns": {"text": "remark", "label": "label"}}, {"roles": {"remark": "group"}}])
def test_runs_under_another_mapping_share_one_version(
    asked: dict[str, Any], user: User, workspace: Workspace, post: Callable[..., int]
) -> None:
    made = create_dataset(workspace, user, [ContentFile(MESSAGES.encode(), name="rows.csv")])
    reading.read(made.versions.get().pk)
    with reader():
        statuses = at_once(lambda _: post("/runs", {"dataset": made.pk} | asked))
    assert Counter(statuses) == {201: AT_ONCE}
    assert sorted(made.versions.values_list("number", flat=True)) == [1, 2]
    assert set(Run.objects.values_list("version__number", flat=True)) == {2}
    assert post("/runs", {"dataset": made.pk} | asked) == 201
    assert made.versions.count() == 2, "the newest has the mapping already"


def test_a_mapping_that_cannot_be_learned_leaves_no_version(
    user: User, workspace: Workspace, post: Callable[..., int]
) -> None:
    """Every remark is another one, which only reading shows. As the newest version it would refuse the next run too."""
    made = create_dataset(workspace, user, [ContentFile(MESSAGES.encode(), name="rows.csv")])
    reading.read(made.versions.get().pk)
    with reader():
        assert post("/runs", {"dataset": made.pk, "columns": {"text": "label", "label": "remark"}}) == 422
    (left,) = made.versions.all()
    assert left.number == 1
    assert [path.name for path in left.folder.parent.iterdir() if path.is_dir()] == ["v1"]
    assert not Prototype.objects.exists()
    assert post("/runs", {"dataset": made.pk}) == 201


def test_uploads_where_one_has_room(user: User, workspace: Workspace, settings: Any) -> None:
    content = b"text,label\n" + b"hello,a\n" * 1000
    settings.MAQUETTE_QUOTA_BYTES = int(len(content) * 1.5)
    answers = at_once(lambda _: create_dataset(workspace, user, [ContentFile(content, name="rows.csv")]))
    assert Counter(answer.code for answer in answers if isinstance(answer, Problem)) == {"quota": AT_ONCE - 1}
    (kept,) = Dataset.objects.all()
    assert DatasetVersion.objects.count() == 1
    assert [folder.name for folder in kept.upload_folder.parent.iterdir() if folder.name == kept.pk] == [kept.pk]


def test_runs_where_one_has_room(workspace: Workspace, settings: Any) -> None:
    prototype = things.prototype(workspace)
    settings.MAQUETTE_QUOTA_BYTES = 600 * 2**20  # each keeps 210 MB free, and needs as much besides while it is at work
    answers = at_once(lambda _: create_run(prototype, None, {"method": "probe"}))
    assert Counter(answer.code for answer in answers if isinstance(answer, Problem)) == {"quota": AT_ONCE - 1}
    assert Run.objects.count() == 1


def test_uploads_in_parts_where_one_has_room(user: User, workspace: Workspace, settings: Any) -> None:
    settings.MAQUETTE_QUOTA_BYTES = 1500
    answers = at_once(lambda _: uploads.begin(workspace, user, 1000, name="a.csv", promised="", metadata=""))
    assert Counter(answer.code for answer in answers if isinstance(answer, Problem)) == {"quota": AT_ONCE - 1}


def test_versions_where_one_has_room(user: User, workspace: Workspace, settings: Any) -> None:
    version = things.dataset(workspace, files=True).current
    settings.MAQUETTE_QUOTA_BYTES = int(quota.size_of(version.folder / "data.parquet") * 1.5)
    answers = at_once(lambda _: versions.change(version, user, {"drop": [1]}))
    assert Counter(answer.code for answer in answers if isinstance(answer, Problem)) == {"quota": AT_ONCE - 1}
    assert version.dataset.versions.count() == 2


def test_samples_where_one_has_room(user: User, workspace: Workspace, settings: Any) -> None:
    """How large they are is known once a worker has written them: as with sets of the hub."""
    made = [sample_dataset(workspace, user, "breast-cancer", "Tumours") for _ in range(4)]
    settings.MAQUETTE_QUOTA_BYTES = (
        340_000  # two come, of 125 KB each, and one of them has room once it is read, for 50 KB
    )
    at_once(lambda number: reading.read(made[number].latest.pk) if number < len(made) else None)
    states = Counter(DatasetVersion.objects.values_list("status", flat=True))
    assert states == {"ready": 1, "failed": len(made) - 1}
    assert quota.used_bytes(workspace) <= settings.MAQUETTE_QUOTA_BYTES


def test_a_run_has_one_worker_and_ends_once(workspace: Workspace) -> None:
    run = things.run(things.prototype(workspace), status=Status.QUEUED)
    (lease,) = filter(None, at_once(lambda number: Run.objects.get(pk=run.pk).claim(worker=f"worker {number}")))
    beaten = at_once(lambda number: Run.objects.get(pk=run.pk).beat(lease if number == 7 else "stale"))
    assert beaten == [number == 7 for number in range(AT_ONCE)]
    assert sum(at_once(lambda _: Run.objects.get(pk=run.pk).finish(lease, status=Status.SUCCEEDED))) == 1


def test_a_budget_is_reserved_once(workspace: Workspace) -> None:
    """Twenty runs that start at the same moment share what is left; together they reserve no cent more."""
    set_budget(workspace, 1)
    terms = gate.Terms(Decimal(100), limit=Decimal("0.30"))

    def start(number: int) -> Any:
        try:
            return gate.reserve(workspace, f"run:{number}", terms, Decimal(0))
        except gate.Waits:
            return None

    reserved = [amount for amount in at_once(start) if amount]
    assert sorted(reserved) == [Decimal("0.40"), Decimal("0.70"), Decimal("1.00")]  # what the next one finds
    assert Reservation.objects.total() == Decimal("0.90")


def test_heartbeats_at_the_same_moment_are_all_counted(workspace: Workspace) -> None:
    """Each run has its line, and the month's sum misses none of them."""
    terms = gate.Terms(Decimal(1))

    def beat(number: int) -> Decimal:
        line = {"hardware": "cpu", "subject": "run", "subject_id": f"r{number % 5}", "subject_name": "Run"}
        key = f"run:r{number % 5}"
        return gate.beat(workspace, key, terms, Decimal(0), seconds=36, charge_id=str(number), line=line).amount

    assert sum(at_once(beat)) == Decimal("0.01") * AT_ONCE
    assert LedgerEntry.objects.total() == gate.month(workspace).spent == Decimal("0.01") * AT_ONCE
    assert LedgerEntry.objects.count() == 5


def test_a_charge_is_charged_once(workspace: Workspace, user: User) -> None:
    fields = {"seconds": 3600, "price": 1, "kind": "training", "hardware": "cpu"}
    amounts = at_once(lambda _: charge(workspace, key="the-same", **fields))
    assert sum(amounts) == 1
    assert LedgerEntry.objects.count() == 1


def test_a_person_is_made_once() -> None:
    people = at_once(lambda _: ensure_user("new@example.org"))
    assert len({person.pk for person, _workspace in people}) == 1
    assert Workspace.objects.count() == 1


def test_one_key_for_requests_that_are_refused(user: User, workspace: Workspace) -> None:
    """The first one's row is gone as soon as it is refused, perhaps while the others look for it."""
    _token, secret = create_token(user, workspace, "test")
    body = {"dataset": things.prototype(workspace).dataset_id, "method": "zzz"}

    def send(_number: int) -> int:
        client = Client(headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"})
        return client.post("/api/v1/runs", body, content_type="application/json").status_code

    assert set(at_once(send)) <= {409, 422}


def test_what_another_request_deletes_meanwhile_is_a_conflict(workspace: Workspace) -> None:
    """Whatever is done with a demo that somebody deletes between the look and the deed. Each deed is committed: a database
    may look at the rows that belong together only then."""
    endpoint = things.endpoint(things.run(things.prototype(workspace)))
    key, link = endpoint.keys.get(), endpoint.links.get()
    Endpoint.objects.all().delete()
    deeds: list[Callable[[], object]] = [
        endpoint.refresh_from_db,
        lambda: endpoints.revoke(key, None),
        lambda: endpoints.restore(link, None),
        lambda: endpoints.create_link(endpoint, None, "late"),
        lambda: endpoints.create_key(endpoint, None, "late"),
    ]
    for deed in deeds:
        with pytest.raises(Exception) as raised:  # noqa: PT011  of several kinds
            deed()
        told = problem_of(raised.value)
        assert isinstance(told, Conflict), raised.value
        assert told.code == "deleted"
    assert isinstance(problem_of(IntegrityError("UNIQUE constraint failed: x.y")), IntegrityError)


def test_what_is_deleted_by_all_is_told_of_once(workspace: Workspace) -> None:
    demo, dataset = things.endpoint(things.run(things.prototype(workspace))), things.dataset(workspace)

    def delete(_number: int) -> None:
        endpoints.delete(copy(demo), None)
        delete_dataset(copy(dataset), None)

    at_once(delete)
    told = AuditEvent.objects.filter(verb__in=("deleted", "discarded")).values_list("subject", flat=True)
    assert sorted(told) == ["dataset", "endpoint"]
