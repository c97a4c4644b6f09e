"""What is said when in a recording: Kaldi's folders, subtitles and grids found beside it, and each line that names nothing told."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tests.trainer.data_files import sound, zipped
from trainer.data.archive_listing import open_archive
from trainer.data.clips import choose, cue_cuts, grid_cuts, parse_span, read_recordings, strip_language, whole_cells
from trainer.data.cuts import Cut
from trainer.data.media_files import Files
from trainer.data.readings import Choices
from trainer.data.sidecars import read_lists

Sent = dict[str, str]
CUES = "1\n00:00:00,000 --> 00:00:01,500\nHello.\n\n2\n00:00:01,500 --> 00:00:03,000\nGoodbye.\n"


def files_of(folder: Path, texts: Sent, recordings: tuple[str, ...] = ("a.wav",)) -> Files:
    path = zipped(
        folder / "data.zip", {name: sound(3) for name in recordings} | {n: t.encode() for n, t in texts.items()}
    )
    return Files(open_archive(path, "data.zip"), "audio")


# Kaldi


def kaldi(segments: str, **more: str) -> Sent:
    return {"data/segments": segments, **{f"data/{name}": text for name, text in more.items()}}


def test_an_utterance_is_a_clip_with_its_text_and_speaker(tmp_path: Path) -> None:
    texts = kaldi("u1 a 0.0 1.25\nu2\ta\t1.25 -1\n", text="u1 hello there\nu2 好 的\n", utt2spk="u1 Ann\nu2 Bob\n")
    recordings = read_recordings(files_of(tmp_path, texts))
    assert recordings is not None
    assert recordings.cuts == {
        "a.wav": [
            Cut(0.0, 1.25, {"text": "hello there", "speaker": "Ann"}),
            Cut(1.25, None, {"text": "好 的", "speaker": "Bob"}),
        ]
    }
    assert recordings.used == {"data/segments", "data/text", "data/utt2spk"}


@pytest.mark.parametrize("gap", [" ", "\t"])
def test_ids_of_recordings_lead_to_their_files(gap: str, tmp_path: Path) -> None:
    texts = kaldi("u1 rec7 0 1\n", **{"wav.scp": f"rec7{gap}sox /data/old/a.wav -t wav - |\n"})
    recordings = read_recordings(files_of(tmp_path, texts))
    assert recordings is not None
    assert list(recordings.cuts) == ["a.wav"]


def test_lines_without_a_recording_or_a_time_are_told_by_number(tmp_path: Path) -> None:
    files = files_of(tmp_path, kaldi("u1 a 0 1\nu2 gone 0 1\nu3 a later soon\nu4 a -3 1\nu5 a 0 1\n"))
    recordings = read_recordings(files)
    assert recordings is not None
    assert len(recordings.cuts["a.wav"]) == 2
    assert files.missing == [
        "line 2 of data/segments names a recording that is not in the archive",
        "line 3 of data/segments has no start and end",
        "line 4 of data/segments has no start and end",
    ]


def test_segments_of_other_recordings_are_none(tmp_path: Path) -> None:
    files = files_of(tmp_path, kaldi("u1 gone 0 1\nu2 lost 0 1\n"))
    assert read_recordings(files) is None
    assert files.missing == []


@pytest.mark.parametrize(
    ("times", "span"),
    [
        (["0", "1.5"], (0.0, 1.5)),
        (["2", "-1"], (2.0, None)),
        (["1e3", "1e4"], (1000.0, 10000.0)),
        (["-0.1", "1"], None),
        (["nan", "1"], None),
        (["0", "nan"], None),
        (["0", "inf"], None),
        (["0"], None),
        ([], None),
        (["a", "b"], None),
    ],
)
def test_times_are_seconds_of_a_day_that_there_is(times: list[str], span: tuple[float, float | None] | None) -> None:
    assert parse_span(times) == span


# Subtitles


@pytest.mark.parametrize(
    ("recording", "subtitles"),
    [
        ("talk.wav", "talk.srt"),
        ("talk.wav", "talk.en.srt"),
        ("talk.wav", "talk.zh-Hans.vtt"),
        ("talk.two.wav", "talk.two.srt"),
        ("talk.two.wav", "talk.two.de.srt"),
        ("audio/Talk.wav", "subtitles/talk.srt"),
        ("a b/讲话.wav", "讲话.srt"),
    ],
)
def test_subtitles_find_their_recording(recording: str, subtitles: str, tmp_path: Path) -> None:
    recordings = read_recordings(files_of(tmp_path, {subtitles: CUES}, (recording,)))
    assert recordings is not None
    assert [cut.cells["text"] for cut in recordings.cuts[recording]] == ["Hello.", "Goodbye."]
    assert recordings.used == {subtitles}


def test_of_two_languages_the_first_is_read(tmp_path: Path) -> None:
    texts = {"a.de.srt": CUES.replace("Hello", "Hallo"), "a.en.srt": CUES}
    recordings = read_recordings(files_of(tmp_path, texts))
    assert recordings is not None
    assert recordings.cuts["a.wav"][0].cells["text"] == "Hallo."
    assert recordings.used == {"a.de.srt"}


@pytest.mark.parametrize(("count", "are_read"), [(1, False), (2, True)])
def test_half_of_the_recordings_must_have_them(count: int, are_read: bool, tmp_path: Path) -> None:
    texts = {f"r{n}.srt": CUES for n in range(count)}
    files = files_of(tmp_path, texts, tuple(f"r{n}.wav" for n in range(4)))
    assert (read_recordings(files) is not None) == are_read


def stamp(seconds: float, mark: str) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds // 3_600_000:02}:{milliseconds // 60_000 % 60:02}:{milliseconds // 1000 % 60:02}{mark}{milliseconds % 1000:03}"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    some.lists(
        some.tuples(some.integers(0, 10**7), some.integers(1, 10**5), some.text("ab c中é", min_size=1)), max_size=6
    ),
    some.sampled_from([",", "."]),
    some.sampled_from(["\n", "\r\n", "\r"]),
)
def test_cues_are_read_back_as_they_were_written(cues: list[tuple[int, int, str]], mark: str, newline: str) -> None:
    blocks = [
        f"{n}\n{stamp(at / 1000, mark)} --> {stamp((at + more) / 1000, mark)}\n{said}"
        for n, (at, more, said) in enumerate(cues)
    ]
    cuts = list(cue_cuts("\ufeffWEBVTT\n\n".replace("\n", newline) + "\n\n".join(blocks).replace("\n", newline)))
    times = [time for at, more, _said in cues for time in (at / 1000, (at + more) / 1000)]
    assert [time for cut in cuts for time in (cut.start, cut.end)] == pytest.approx(times)
    assert [cut.cells["text"] for cut in cuts] == [" ".join(said.split()) or None for *_times, said in cues]


def test_marks_of_players_are_no_words() -> None:
    text = "00:01.000 --> 00:02.5\n<v.loud Ann Lee>It <i>is</i> {\\an8}<00:01.500>here</v>\n"
    (cut,) = cue_cuts(text)
    assert cut == Cut(1.0, 2.5, {"text": "It is here", "speaker": "Ann Lee"})


@pytest.mark.parametrize(
    ("stem", "left"),
    [("talk.en", "talk"), ("talk.pt-BR", "talk"), ("talk.2", "talk.2"), ("talk", "talk"), ("v1.0.fr", "v1.0")],
)
def test_a_language_at_the_end_of_a_name_is_taken_off(stem: str, left: str) -> None:
    assert strip_language(stem) == left


# Grids


def grid(**tiers: list[tuple[float, float, str]]) -> str:
    """Praat's short form."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", "9", "<exists>", str(len(tiers))]
    for name, cuts in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", "9", str(len(cuts))]
        for start, end, said in cuts:
            lines += [str(start), str(end), '"' + said.replace('"', '""') + '"']
    return "\n".join(lines)


def test_silences_are_no_clips_and_quotes_are_read() -> None:
    cuts, is_fine = grid_cuts(grid(utterances=[(0, 1, "sil"), (1, 2.5, 'he said "no"'), (2.5, 3, " "), (3, 4, "<p:>")]))
    assert (cuts, is_fine) == ([Cut(1.0, 2.5, {"text": 'he said "no"'})], False)


def test_of_words_and_sounds_the_words_are_read_and_known_as_parts() -> None:
    sounds = [(n / 2, n / 2 + 0.5, "p") for n in range(4)]
    cuts, is_fine = grid_cuts(grid(phones=sounds, words=[(0, 1, "one"), (1, 2, "two")]))
    assert ([cut.cells["text"] for cut in cuts], is_fine) == (["one", "two"], True)


def test_a_grid_cut_short_gives_what_it_has() -> None:
    whole = grid(said=[(0, 1, "one"), (1, 2, "two")])
    cuts, _is_fine = grid_cuts(whole[: whole.index('"two"')])
    assert [cut.cells["text"] for cut in cuts] == ["one"]


# Cut or whole


def test_a_recording_read_whole_has_all_that_is_said_in_order() -> None:
    cuts = [
        Cut(2, 3, {"text": "later", "speaker": "Ann"}),
        Cut(0, 1, {"text": "first", "speaker": "Ann"}),
        Cut(1, 2, {"text": None, "speaker": "Ann"}),
    ]
    assert whole_cells(cuts) == {"text": "first later", "speaker": "Ann"}
    assert whole_cells([*cuts, Cut(4, 5, {"text": "x", "speaker": "Bob"})]) == {"text": "first later x"}
    assert whole_cells([Cut(0, 1, {"text": None})]) == {"text": None}


@pytest.mark.parametrize(
    ("asked", "is_fine", "cut"),
    [(None, False, True), (None, True, False), ("cut", True, True), ("whole", False, False)],
)
def test_what_is_chosen_is_said_with_the_other_choice(
    asked: str | None, is_fine: bool, cut: bool, tmp_path: Path
) -> None:
    recordings = read_recordings(files_of(tmp_path, {"a.srt": CUES}))
    assert recordings is not None
    recordings.is_fine = is_fine
    is_cut, reading = choose(recordings, Choices({"clips": asked} if asked else {}), "data.zip")
    assert (is_cut, [choice.value for choice in reading.others]) == (cut, ["whole" if cut else "cut"])
    assert ("2 clips" in reading.sentence) == cut


# Lists beside recordings


@pytest.mark.parametrize("length", [200_000, 1_500_000])
def test_a_list_with_a_very_long_transcript_is_read_or_its_line_is_told(length: int, tmp_path: Path) -> None:
    names = tuple(f"r{n}.wav" for n in range(30))
    lines = [f'{name},"said {n}, quickly"' for n, name in enumerate(names)]
    lines[3] = f'r3.wav,"{"x" * length}"'
    files = files_of(tmp_path, {"list.csv": "\n".join(lines)}, names)
    cells = read_lists(files)
    assert cells is not None
    assert cells["r9.wav"]["text"] == "said 9, quickly"
    assert len(cells) + len(files.missing) == 30
