"""Files with a token a line: CoNLL, and WebAnno's layers. What is written is read back, and a faulty line costs its sentence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_made import lines, records
from trainer.data.tables.conll import MAX_TOKENS, conll_table, looks_like_conll
from trainer.data.tables.table import Table
from trainer.data.tables.webanno import choose_layer, tag_of, webanno_table

Sentences = list[list[tuple[str, str]]]


def conll(text: str) -> tuple[Table, Sentences]:
    made = conll_table(lines(text), "a.conll", len(text), {})
    return made, pairs_of(made)


def pairs_of(made: Table) -> Sentences:
    rows = records(made)
    return [list(zip(json.loads(row["tokens"] or ""), json.loads(row["tags"] or ""), strict=True)) for row in rows]


WORDS = some.text("abé中🙂.-", min_size=1, max_size=4)
SENTENCES = some.lists(
    some.lists(some.tuples(WORDS, some.sampled_from(["O", "B-A", "B-B", "S-A"])), min_size=1, max_size=5), max_size=6
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SENTENCES, some.sampled_from(["\t", " "]), some.sampled_from(["\n", "\r\n"]), some.integers(0, 2))
def test_sentences_are_read_back(sentences: Sentences, gap: str, newline: str, middle: int) -> None:
    rows = [[gap.join([word, *["NN"] * middle, tag]) for word, tag in sentence] for sentence in sentences]
    text = (newline * 2).join(newline.join(sentence) for sentence in rows)
    made, read = conll(text)
    assert read == sentences
    assert (made.bad_count, made.mended) == (0, [])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("word", "has a token without a tag"),
        ("word NN extra O", "has 4 columns instead of 2"),
        ("word X-PER", "has the tag “X-PER”, which is neither O nor B-… nor I-…"),
        ("word person", "has the tag “person”, which is neither O nor B-… nor I-…"),
    ],
)
def test_a_faulty_line_costs_its_sentence_and_is_told(line: str, reason: str) -> None:
    made, read = conll(f"a O\nb B-X\n\nc O\n{line}\nd O\n\ne B-X\n")
    assert read == [[("a", "O"), ("b", "B-X")], [("e", "B-X")]]
    assert made.bad == [(5, reason)]


def test_a_faulty_line_costs_a_very_long_sentence_too() -> None:
    text = "start O\nbroken\n" + "word O\n" * (MAX_TOKENS + 5) + "\nlast B-X\n"
    _made, read = conll(text)
    assert read == [[("last", "B-X")]]


def test_a_text_without_blank_lines_is_cut_and_no_token_is_lost() -> None:
    _made, read = conll("word O\n" * (2 * MAX_TOKENS + 7))
    assert [len(sentence) for sentence in read] == [MAX_TOKENS, MAX_TOKENS, 7]


def test_an_inside_without_a_beginning_begins_and_is_told() -> None:
    made, read = conll("a I-X\nb I-X\nc I-Y\nd O\ne I-X\n")
    assert [tag for _word, tag in read[0]] == ["B-X", "I-X", "B-Y", "O", "B-X"]
    assert [line for line, _reason in made.mended] == [1, 3, 5]


def test_heads_and_comments_between_sentences_are_no_tokens() -> None:
    _made, read = conll("-DOCSTART- -X- O O\n\n# id 1\na NN O\n# NN O\n\n")
    assert read == [[("a", "O"), ("#", "O")]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("EU B-ORG\nrejects O\nGerman B-MISC\ncall O\n", True),
        ("-DOCSTART- O\n\nEU NNP B-ORG\nrejects VBZ O\ncall NN O\n", True),
        ("a O\nb O\nc O\n", False),
        ("EU B-ORG\nrejects B-X\nx B-Y\n", False),
        ("A sentence that ends in O\nAnother one that has a B\nno tags at all here\n", False),
        ("a O\nb B-X\n", False),
        ("", False),
    ],
)
def test_such_a_file_is_known_by_its_tags(text: str, says: bool) -> None:
    assert looks_like_conll(text) == says


# WebAnno TSV 3

HEAD = (
    "#FORMAT=WebAnno TSV 3.3\n"
    "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.lexmorph.type.pos.POS|PosValue\n"
    "#T_SP=de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity|identifier|value\n\n"
)


def webanno(*rows: str, head: str = HEAD) -> tuple[Table, Sentences]:
    text = head + "\n".join(rows) + "\n"
    made = webanno_table(lines(text), "a.tsv", len(text), {}, text)
    return made, pairs_of(made)


def test_the_layer_of_named_entities_is_read_among_others() -> None:
    made, read = webanno(
        "#Text=Anna Lee sleeps",
        "1-1\t0-4\tAnna\tNNP\t*[1]\tPER[1]\t",
        "1-2\t5-8\tLee\tNNP\t*[1]\tPER[1]\t",
        "1-3\t9-15\tsleeps\tVBZ\t_\t_\t",
        "",
        "#Text=Köln",
        "2-1\t16-20\tKöln\tNNP\t*\tLOC\t",
    )
    assert read == [[("Anna", "B-PER"), ("Lee", "I-PER"), ("sleeps", "O")], [("Köln", "B-LOC")]]
    assert made.readings[0].sentence == "An export of INCEpTION or WebAnno: the layer “NamedEntity” as tags"


@pytest.mark.parametrize(
    ("value", "before", "tag"),
    [
        ("_", "", "O"),
        ("", "", "O"),
        ("PER", "PER", "B-PER"),
        ("PER[3]", "PER[3]", "I-PER"),
        ("PER[4]", "PER[3]", "B-PER"),
        ("*", "", "B-SPAN"),
        ("*[2]", "*[2]", "I-SPAN"),
        (r"A\_B", "", "B-A_B"),
        (r"A\[1\]", "", "B-A[1]"),
    ],
)
def test_a_value_goes_on_while_its_number_is_the_same(value: str, before: str, tag: str) -> None:
    assert tag_of(value, before) == tag


def test_of_several_values_of_a_token_the_first_counts_and_an_escaped_bar_is_none() -> None:
    _made, read = webanno(
        "1-1\t0-1\ta\t_\t_\tPER[1]|LOC[2]\t", "1-2\t2-3\tb\t_\t_\tR\\|D\t", "1-3\t4-5\tc\t_\t_\tX\\\\|Y\t"
    )
    assert [tag for _word, tag in read[0]] == ["B-PER", "B-R|D", "B-X\\"]


def test_parts_of_tokens_are_not_read_twice_and_other_lines_are_told() -> None:
    made, read = webanno(
        "1-1\t0-9\tunbelievable\t_\t_\tA\t", "1-1.1\t0-2\tun\t_\t_\tB\t", "what is this", "1-2\t9-10\t.\t_\t_\t_\t"
    )
    assert read == [[("unbelievable", "B-A"), (".", "O")]]
    assert [reason for _line, reason in made.bad] == ["is not a token of WebAnno TSV"]


@pytest.mark.parametrize(
    ("head", "place", "layer"),
    [
        ("#T_SP=a.b.Sentiment|polarity\n", 0, "Sentiment"),
        ("#T_RL=a.Dependency|kind|BT_a.POS\n#T_SP=a.Topic|name\n", 3, "Topic"),
        ("#T_SP=a.Plain\n#T_SP=a.NamedEntity|value\n", 1, "NamedEntity"),
        ("#T_CH=a.CorefLink|type\n", 0, ""),
        ("", 0, ""),
    ],
)
def test_the_columns_of_layers_are_counted(head: str, place: int, layer: str) -> None:
    assert choose_layer(head) == (place, layer)
