"""What we count ourselves, beside those who count it everywhere: pycocotools, an edit distance by the book, brute force."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import balanced_accuracy_score, jaccard_score
from sklearn.tree import DecisionTreeClassifier

from trainer import leaks, transcripts
from trainer.average_precision import MOST_ANSWERS, Objects, average_precision
from trainer.data import near_copies
from trainer.data.row_keys import normalise_text

# Average precision


def pictures(seed: int, labels: int, count: int, crowded: int = 8) -> tuple[list[Objects], list[Objects]]:
    """(what is there, what was answered): some objects missed, some found twice, moved, mislabelled or made up."""
    generator = np.random.default_rng(seed)
    truth, answers = [], []
    for _picture in range(count):
        there = int(generator.integers(0, crowded))
        corner, size = generator.random((there, 2)) * 80, generator.random((there, 2)) * 30 + 15
        boxes, own = np.concatenate([corner, corner + size], 1), generator.integers(0, labels, there)
        truth.append(Objects(boxes, own, np.ones(there)))
        chosen = np.flatnonzero(generator.random(there) < 0.8)
        chosen = np.concatenate([chosen, chosen[generator.random(len(chosen)) < 0.3]])
        near = boxes[chosen] + 2 * generator.normal(size=(len(chosen), 4))
        made_up = generator.random((3, 2)) * 80
        near = np.concatenate([near, np.concatenate([made_up, made_up + 20], 1)])
        said = np.concatenate([own[chosen], generator.integers(0, labels, 3)])
        wrong = generator.random(len(said)) < 0.1
        said[wrong] = generator.integers(0, labels, wrong.sum())
        answers.append(Objects(near, said, generator.random(len(said))))
    return truth, answers


def by_coco(truth: list[Objects], answers: list[Objects], labels: int) -> tuple[float, float]:
    """(map, map_50) by pycocotools."""

    def boxes_of(one: Objects) -> np.ndarray:
        return np.concatenate([one.boxes[:, :2], one.boxes[:, 2:] - one.boxes[:, :2]], 1)

    there = [
        {"image_id": at, "category_id": int(label), "bbox": box.tolist(), "area": float(box[2] * box[3]), "iscrowd": 0}
        for at, one in enumerate(truth)
        for box, label in zip(boxes_of(one), one.labels, strict=True)
    ]
    said = [
        {"image_id": at, "category_id": int(label), "bbox": box.tolist(), "score": float(score)}
        for at, one in enumerate(answers)
        for box, label, score in zip(boxes_of(one), one.labels, one.scores, strict=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": at} for at in range(len(truth))],
            "categories": [{"id": label} for label in range(labels)],
            "annotations": [one | {"id": number + 1} for number, one in enumerate(there)],
        }
        coco.createIndex()
        found = COCOeval(coco, coco.loadRes(said), "bbox")
        found.evaluate()
        found.accumulate()
        found.summarize()
    return float(found.stats[0]), float(found.stats[1])


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_that_of_pycocotools(seed: int) -> None:
    labels = 1 + seed % 4
    truth, answers = pictures(seed, labels, 15)
    found = average_precision(truth, answers, labels)
    assert (found.map, found.map_50) == pytest.approx(by_coco(truth, answers, labels), abs=1e-9)


def test_more_answers_than_count_are_left_out_as_by_pycocotools() -> None:
    truth, answers = pictures(1, 1, 3)
    generator = np.random.default_rng(0)
    corner = generator.random((MOST_ANSWERS + 60, 2)) * 80
    many = Objects(np.concatenate([corner, corner + 15], 1), np.zeros(len(corner), int), generator.random(len(corner)))
    answers[0] = many
    found = average_precision(truth, answers, 1)
    assert (found.map, found.map_50) == pytest.approx(by_coco(truth, answers, 1), abs=1e-9)


# Word errors


def distance(one: list[str], other: list[str]) -> int:
    """Levenshtein's, row by row."""
    before = list(range(len(other) + 1))
    for at, own in enumerate(one, 1):
        row = [at]
        for place, theirs in enumerate(other, 1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (own != theirs)))
        before = row
    return before[-1]


WORDS = ["the", "parcel", "is", "late", "我的", "包裹", "在哪里", "naïve", "don't", "Straße", "ok"]


@pytest.mark.parametrize("seed", range(5))
def test_word_and_character_errors_are_edit_distances(seed: int) -> None:
    generator = np.random.default_rng(seed)
    draw = [" ".join(generator.choice(WORDS, generator.integers(0, 9))) for _row in range(40)]
    truth, said = draw[:20], draw[20:]
    found = transcripts.errors(truth, said)
    for row, (one, other) in enumerate(zip(truth, said, strict=True)):
        one, other = transcripts.normalised(one), transcripts.normalised(other)
        wanted = (distance(one.split(), other.split()), len(one.split()), distance(list(one), list(other)), len(one))
        assert tuple(found[row].astype(int)) == wanted, (one, other)
    rates = transcripts.rates(found)
    assert rates["wer"] == pytest.approx(found[:, 0].sum() / found[:, 1].sum())
    assert rates["cer"] == pytest.approx(found[:, 2].sum() / found[:, 3].sum())


def test_chinese_is_scored_by_characters_and_case_and_punctuation_do_not_count() -> None:
    found = transcripts.errors(
        ["我的包裹在哪里？", "Don’t, please!", ""], ["我的包裹在哪裡", "don't  PLEASE", "uh huh"]
    )
    assert found.tolist() == [[1, 1, 1, 7], [0, 2, 0, 12], [2, 0, 6, 0]]


# Near copies


def texts_with_copies(seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    words = ["".join(generator.choice(list("abcdefghijklmnop"), 6)) for _word in range(200)]
    texts = [" ".join(generator.choice(words, 30)) for _text in range(60)]
    for at in range(30, 60):
        kept = texts[at - 30].split()
        changed = generator.integers(0, 4)  # words changed: from none to several
        kept[: int(changed)] = generator.choice(words, int(changed))
        texts[at] = " ".join(kept)
    return [*texts, "short", "短文本也可以是相似的吗", "短文本也可以是相似的吧"]


@pytest.mark.parametrize("seed", range(3))
def test_near_copies_are_those_of_brute_force(seed: int) -> None:
    """Jaccard's index of five-character shingles over every pair; minhash may miss what lies at the very edge."""
    texts = texts_with_copies(seed)
    test = np.arange(len(texts)) >= 30
    found = set(near_copies.find_near_copies(texts, np.arange(len(texts)), test).tolist())
    words = [normalise_text(text) for text in texts]
    shingled = [near_copies.shingles(word) for word in words]
    best = {}
    for row in np.flatnonzero(test).tolist():
        shares = [
            len(shingled[row] & shingled[other]) / max(len(shingled[row] | shingled[other]), 1)
            for other in np.flatnonzero(~test).tolist()
            if words[row] != words[other]
        ]
        best[row] = max(shares)
    assert {row for row, share in best.items() if share >= near_copies.MIN_SIMILARITY + 0.05} <= found
    assert all(best[row] >= near_copies.MIN_SIMILARITY for row in found)
    assert found


def test_a_signature_agrees_as_often_as_the_shingles_do() -> None:
    """The property that MinHash rests on: the share of equal values is an estimate of Jaccard's index."""
    texts = texts_with_copies(7)[:60]
    words = [normalise_text(text) for text in texts]
    signatures, long = near_copies.minhash(words, np.array([len(word) for word in words]))
    assert long.all()
    apart = []
    for row in range(30):
        one, other = (near_copies.shingles(words[at]) for at in (row, row + 30))
        every = sorted(one | other)
        wanted = jaccard_score([part in one for part in every], [part in other for part in every])
        apart.append(float((signatures[row] == signatures[row + 30]).mean()) - wanted)
    assert abs(np.mean(apart)) < 0.03
    assert np.abs(apart).max() < 4 * 0.5 / np.sqrt(signatures.shape[1])


# Columns that give the answer away


@pytest.mark.parametrize("seed", range(6))
def test_a_threshold_parts_two_labels_as_a_tree_of_one_cut(seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = (generator.random(200) < 0.3).astype(int)
    values = np.round(truth * generator.uniform(0, 2) + generator.normal(size=200), 1)
    weight = 1 / (2 * np.bincount(truth, minlength=2))
    cuts = leaks.find_thresholds(values, truth, weight)
    ours = leaks.fit_score(leaks.assign_leaves(values, cuts), truth, weight)
    # a tree's own measure (gini, entropy) may prefer another cut: every cut is tried, as the best that a tree could do
    best = 0.0
    for cut in np.unique(values)[:-1] + 0.05:
        tree = DecisionTreeClassifier(max_depth=1, class_weight="balanced").fit((values > cut)[:, None], truth)
        best = max(best, balanced_accuracy_score(truth, tree.predict((values > cut)[:, None])))
    assert len(cuts) <= 1
    assert ours == pytest.approx(best)


def test_what_is_held_back_is_answered_by_the_other_folds() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 2, 250)
    values = generator.normal(size=250)
    fold = generator.permutation(250) % leaks.FOLDS
    weight = 1 / (2 * np.bincount(truth, minlength=2))
    assert leaks.cross_validate(values, truth, weight, fold, leaks.find_thresholds) == pytest.approx(0.5, abs=0.12)
    told = np.where(truth == 1, values + 20, values)
    assert leaks.cross_validate(told, truth, weight, fold, leaks.find_thresholds) == pytest.approx(1.0)
    names = generator.permutation(250)  # each value once: remembered, not decided by
    assert leaks.cross_validate(names, truth, weight, fold) == 0.0
