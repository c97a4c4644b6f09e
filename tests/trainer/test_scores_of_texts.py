"""Answers that are texts: transcripts, continuations and rewritings, beside jiwer, sacrebleu and sums by hand."""

from typing import Any

import jiwer
import numpy as np
import pytest

from trainer import text_scores
from trainer.answers.base_scoring import scoring_of
from trainer.answers.completion_scoring import Written
from trainer.answers.completion_scoring import report as completion_report
from trainer.answers.rewriting_scoring import report as rewriting_report
from trainer.answers.text_scoring import report as transcript_report
from trainer.writing.figures import COPIED, copies, repeats, scores, totals

SAID = ["the kettle boils", "we left at nine", "no", "包裹还没有到"]
HEARD = ["the kettle boils", "we left nine nine", "know", "包裹没有到"]


# Transcripts


def test_word_errors_are_those_of_jiwer_over_all_rows() -> None:
    scoring = scoring_of("text")
    wanted = jiwer.process_words(SAID, HEARD).wer
    assert scoring.score(HEARD, SAID, []) == pytest.approx(1 - wanted)
    assert transcript_report(SAID, HEARD, SAID, [1, 2, 3, 4])["metrics"]["wer"] == pytest.approx(wanted)


def test_a_rate_is_of_all_words_and_no_mean_of_rates() -> None:
    """One wrong word of one and none of nine are one of ten, not one half."""
    said, heard = ["no", "a b c d e f g h i"], ["yes", "a b c d e f g h i"]
    cells = scoring_of("text").cells("wer", said, (heard, said), [])
    once = np.ones(2)
    assert cells.measure(cells.first, once) == pytest.approx(0.1)
    assert cells.measure(cells.second, once) == 0
    assert cells.measure(cells.first, np.array([3.0, 1.0])) == pytest.approx(3 / 12)


@pytest.mark.parametrize("metric", ["wer", "cer"])
def test_a_row_counted_twice_is_two_rows_of_a_transcript(metric: str) -> None:
    cells = scoring_of("text").cells(metric, SAID, (HEARD, HEARD), [])
    twice = scoring_of("text").cells(metric, [*SAID, SAID[1]], ([*HEARD, HEARD[1]],) * 2, [])
    weights = np.array([1.0, 2.0, 1.0, 1.0])
    assert cells.measure(cells.first, weights) == pytest.approx(twice.measure(twice.first, np.ones(5)))


def test_the_worst_transcripts_come_first_and_right_ones_not_at_all() -> None:
    report = transcript_report(SAID, HEARD, ["a.wav", "b.wav", "c.wav", "d.wav"], [11, 12, 13, 14])
    assert [mistake["row"] for mistake in report["mistakes"]] == [13, 14, 12]
    assert report["mistakes"][2] == {
        "row": 12,
        "audio": "b.wav",
        "truth": "we left at nine",
        "predicted": "we left nine nine",
        "wer": 0.25,
    }
    assert (report["test_rows"], report["test_words"]) == (4, 9)
    low, high = report["headline"]["low"], report["headline"]["high"]
    assert low <= report["headline"]["value"] <= high


@pytest.mark.parametrize(
    ("said", "heard"),
    [("", ""), ("...", "!"), ("a", "A."), ("don't stop", "Don’t stop!"), ("Ⅳ", "iv")],
    ids=["nothing", "signs", "case", "apostrophes", "compatible letters"],
)
def test_what_is_compared_alike_is_no_error(said: str, heard: str) -> None:
    report = transcript_report([said], [heard], [""], [1])
    assert (report["metrics"], report["mistakes"]) == ({"wer": 0.0, "cer": 0.0}, [])


def test_words_heard_in_silence_are_errors_without_a_division_by_nothing() -> None:
    report = transcript_report(["", "yes"], ["noise and noise", "yes"], ["", ""], [1, 2])
    assert report["metrics"]["wer"] == pytest.approx(3.0)
    assert report["mistakes"][0]["wer"] == 3.0


def test_a_piece_that_is_left_out_weighs_as_many_characters_as_change() -> None:
    falls = scoring_of("text").falls(["abcd", "abcd", "abxd", ""], {})
    assert falls.tolist() == [0.0, 0.25, 1.0]


# Continuations


def written(*figures: tuple[float, float, float], texts: tuple[str, ...] = ()) -> list[Written]:
    return [
        Written(texts[place] if place < len(texts) else "", 3, 5, "stop", each) for place, each in enumerate(figures)
    ]


def test_nats_are_summed_before_they_are_divided() -> None:
    rows = np.array([[2.0, 1.0, 10.0], [6.0, 7.0, 10.0]])
    assert scores(rows) == pytest.approx({"nats_per_character": 0.4, "perplexity": np.exp(1.0)})
    assert scores(rows, np.array([0.0, 1.0])) == pytest.approx({"nats_per_character": 0.6, "perplexity": np.exp(6 / 7)})


def test_no_rows_and_hopeless_ones_have_finite_scores() -> None:
    assert scores(np.zeros((0, 3))) == {"nats_per_character": 0.0, "perplexity": 1.0}
    assert np.isfinite(scores(np.array([[1e9, 1.0, 1.0]]))["perplexity"])


def test_totals_are_the_figures_before_the_ids_of_what_was_written() -> None:
    outputs = [np.array([1.0, 2.0, 3.0, 44.0, 45.0]), np.array([4.0, 5.0, 6.0])]
    assert totals(outputs).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert totals([]).shape == (0, 3)


REPEATING = {
    "one two three four " * 3: True,
    "one two three four " * 2: False,
    "one two three four five six seven eight nine ten eleven": False,
    "我们今天去公园散步看花吧" * 3: True,
    "我们今天去公园散步看花吧" * 2: False,
    "": False,
    "na": False,
}


@pytest.mark.parametrize("text", REPEATING, ids=range(len(REPEATING)))
def test_three_times_the_same_is_a_repetition(text: str) -> None:
    assert repeats(text) is REPEATING[text]


def test_fifty_characters_of_the_corpus_are_a_copy_wherever_they_stand() -> None:
    corpus = "".join(chr(0x4E00 + place) for place in range(300))
    assert copies(corpus[100 : 100 + COPIED], corpus)
    assert copies("x" * 5 + corpus[7 : 7 + COPIED + 5], corpus)
    assert not copies(corpus[: COPIED - 1], corpus)
    assert not copies(corpus[:COPIED][::-1], corpus)


def test_only_answers_that_were_written_are_told_as_exact_or_repeating() -> None:
    every = written((1, 2, 4), (3, 2, 4), (0, 0, 0), texts=(" yes ", "ha ha ha ha " * 3))
    report = completion_report(["yes", "no", "never"], every, ["a?", "b?", "c?"], [1, 2, 3], "prompt")
    assert report["writing"] == {
        "asked": 2,
        "exact": 1,
        "repeating": 1,
        "nats_per_token": 1.0,
        "tokens": 4,
        "characters": 8,
    }
    assert [mistake["prompt"] for mistake in report["mistakes"]] == ["a?", "b?"]
    assert report["headline"]["value"] == pytest.approx(0.5)


def test_two_writers_agree_where_nothing_was_written_and_are_right_nowhere() -> None:
    scoring = scoring_of("completion")
    assert scoring.agreement(["", ""], ["", ""], []) == 1.0
    assert scoring.score(["", ""], ["a", "b"], []) == 0.0
    assert scoring.score(["a ", "", "c"], ["a", "b", "d"], []) == 0.5


def test_a_piece_weighs_by_how_much_less_likely_the_answer_is_without_it() -> None:
    falls = scoring_of("completion").falls(written((2, 1, 1), (5, 1, 1), (1.5, 1, 1), texts=("ok",)), {})
    assert falls.tolist() == [3.0, -0.5]


def test_figures_of_a_file_are_compared_as_those_of_memory() -> None:
    scoring = scoring_of("completion")
    kept = [[2.0, 1.0, 10.0], [6.0, 7.0, 10.0]]
    read = scoring.read_predicted("perplexity", kept, [], [])
    cells = scoring.cells("perplexity", [], (read, read), [])
    assert cells.measure(cells.first, np.ones(2)) == pytest.approx(scores(np.array(kept))["perplexity"])


# Rewritings


TRUTH = ["the cat sat on the mat today", "prices rise again in spring", "all of them left early", "a kettle"]
OWN = ["the cat sat on the mat today", "prices fall again in spring", "", "a kettle that boils and boils and boils on"]


def rewritten(truth: list[str], texts: list[str]) -> dict[str, Any]:
    shown = [f"source {place}" for place in range(len(truth))]
    return rewriting_report(truth, texts, shown, list(range(1, len(truth) + 1)), "text", "rouge_l")


def test_scores_of_rewritings_are_sacrebleu_s() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    metrics = rewritten(TRUTH, OWN)["metrics"]
    assert 100 * metrics["bleu"] == pytest.approx(BLEU().corpus_score(OWN, [TRUTH]).score)
    assert 100 * metrics["chrf"] == pytest.approx(CHRF().corpus_score(OWN, [TRUTH]).score)


def test_what_is_odd_about_rewritings_is_counted() -> None:
    writing = rewritten(TRUTH, OWN)["writing"]
    assert writing == {
        "tokenizer": "13a",
        "exact": 1,
        "empty": 1,
        "repeating": 0,
        "far_shorter": 1,
        "far_longer": 1,
    }


def test_the_farthest_from_the_right_text_comes_first() -> None:
    mistakes = rewritten(TRUTH, OWN)["mistakes"]
    assert [mistake["row"] for mistake in mistakes] == [3, 4, 2, 1]
    shares = [mistake["rouge_l"] for mistake in mistakes]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_counts_of_two_halves_add_up_to_the_whole() -> None:
    """So that a bootstrap over rows is one over corpora."""
    every = text_scores.count(TRUTH, OWN)
    halves = np.concatenate([text_scores.count(TRUTH[:2], OWN[:2]), text_scores.count(TRUTH[2:], OWN[2:])])
    assert text_scores.scores(every) == pytest.approx(text_scores.scores(halves))
    cells = scoring_of("rewriting").cells("chrf", TRUTH, (every, every), [])
    assert cells.measure(cells.first, np.ones(4)) == pytest.approx(text_scores.scores(every)["chrf"])


@pytest.mark.parametrize("name", ["rouge_1", "rouge_2", "rouge_l", "bleu", "chrf"])
def test_a_perfect_rewriting_has_one_and_another_nothing(name: str) -> None:
    texts = ["one two three four five", "six seven eight nine ten"]
    assert text_scores.scores(text_scores.count(texts, texts))[name] == pytest.approx(1.0)
    assert text_scores.scores(text_scores.count(texts, ["", ""]))[name] == 0.0


def test_rewritings_agree_by_the_letter_and_are_right_by_their_longest_common_words() -> None:
    scoring = scoring_of("rewriting")
    assert scoring.agreement(["a b", "c"], [" a b", "d"], []) == 0.5
    assert scoring.score(["a b c d"], ["a x c d"], []) == pytest.approx(0.75)
    assert scoring.served(written((0, 0, 0), texts=("ok",)), {})[0] == {
        "generated_text": "ok",
        "tokens": 3,
        "prompt_tokens": 5,
        "finish": "stop",
    }
