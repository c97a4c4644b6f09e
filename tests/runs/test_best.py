"""The best runs of many prototypes at once are the first of `best_first` of each."""

import random

import pytest
from django.utils import timezone

from tests import things
from webapp.accounts.models import Workspace
from webapp.prototypes.models import Prototype
from webapp.runs.models import Run, Status


def any_run(chance: random.Random, prototype: Prototype, number: int) -> Run:
    return Run(
        workspace=prototype.workspace,
        prototype=prototype,
        version=prototype.dataset.current,
        number=number,
        task=chance.choice(["text-classification", "tabular-classification"]),
        answer=chance.choice(["label", "note"]),
        metric=chance.choice(["accuracy", "wer"]),
        rank=chance.choice([None, 0.1, 0.5, 0.5, 0.9]),
        has_leak=chance.random() < 0.3,
        status=chance.choice([Status.SUCCEEDED] * 3 + [Status.FAILED, Status.RUNNING]),
        model_removed_at=timezone.now() if chance.random() < 0.5 else None,
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_each_is_the_first_of_each(seed: int, workspace: Workspace) -> None:
    chance = random.Random(seed)
    prototypes = [things.prototype(workspace) for _ in range(20)]
    runs = [any_run(chance, one, n + 1) for one in prototypes for n in range(chance.choice([0, 1, 3, 12]))]
    Run.objects.bulk_create(runs)
    asked, others = prototypes[:15], {one.pk for one in prototypes[15:]}
    best = Run.objects.best_of_each([one.pk for one in asked])
    for one in asked:
        scored, offered = one.runs.scored().best_first().first(), one.runs.with_model().best_first().first()
        assert best.get(one.pk, (None, None)) == (scored, offered)
    assert not others & set(best)
