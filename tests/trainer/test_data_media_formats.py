"""Formats of phones and cameras: HEIC, AVIF, raw previews, pages, animations, videos and their sound, each within bounds."""

import base64
import io
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import soundfile
from PIL import Image

from tests.trainer.data_files import picture, zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data import media_video
from trainer.data.inspect import inspect
from trainer.data.media import UnreadableError
from trainer.data.media_cells import sniff
from trainer.data.media_conversion import as_jpeg, form_of, store_picture
from trainer.data.media_video import pages, video_frames, write_flac
from trainer.errors import SpecError

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAAAAAERAAAIAAQAA"
    "AAAB7AABAAAAAAAAAEAAAgAAAAACLAABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5w"
    "aXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEB"
    "A3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAo"
    "Y2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJl"
    "ZgAAAAAAAAAOY2RzYwACAAEAAQAAAGxtZGF0AAAAPCgBr1jm9Oq//+Vrv/6j/IfJ//9f/3C9V/BNE/6itVpX20dtEtINYjWnV2b+P39uEvcLjw5xnJ4HQQKKtgAA"
    "AAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)
"""A picture of 64 × 32 pixels, red on the left and blue on the right, that is to be turned by a quarter."""


def film(seconds: int = 6, size: tuple[int, int] = (64, 48), form: str = "mp4", spoken: bool = True) -> bytes:
    """Ten pictures a second, each greyer than the one before, and a tone."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        video = out.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = out.add_stream("aac", rate=16_000, layout="mono") if spoken else None
        for number in range(10 * seconds):
            grey = np.full((size[1], size[0], 3), 4 * number % 256, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(video.encode(None))
        if sound is not None:
            mux_tone(out, sound, seconds)
    return buffer.getvalue()


def mux_tone(out: Any, stream: Any, seconds: int) -> None:
    tone = (np.sin(np.arange(16_000 * seconds) / 6) * 20_000).astype(np.int16)
    for start in range(0, len(tone), 1024):
        frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, start
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def recording(form: str, codec: str, seconds: int = 2) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        mux_tone(out, out.add_stream(codec, rate=16_000, layout="mono"), seconds)
    return buffer.getvalue()


def animation(form: str, count: int = 4, duration: int = 1_000) -> bytes:
    frames = [Image.new("RGB", (20, 10), (60 * n, 0, 0)) for n in range(count)]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, form, save_all=True, append_images=frames[1:], **({"duration": duration} if form == "GIF" else {})
    )
    return buffer.getvalue()


# Photos


def test_a_phone_s_photo_is_kept_as_a_jpeg_as_it_is_seen(tmp_path: Path) -> None:
    stored = store_picture(HEIC, tmp_path, ".heic")
    assert (stored.name[-4:], stored.converted) == (".jpg", "heif")
    with Image.open(tmp_path / stored.name) as image:
        assert image.size == (32, 64)
        top, bottom = image.getpixel((16, 8)), image.getpixel((16, 56))
    assert top[0] > 150 > top[2]
    assert bottom[2] > 150 > bottom[0]


def test_avif_and_heic_are_known_by_content(tmp_path: Path) -> None:
    avif = picture(7, form="AVIF")
    assert (form_of(avif, ".jpg"), form_of(HEIC, ""), form_of(picture(1), ".heic")) == ("avif", "heif", "")
    assert store_picture(avif, tmp_path).facts["width"] == "24"


@pytest.mark.parametrize("suffix", [".dng", ".nef", ".arw"])
def test_a_raw_file_gives_its_largest_preview(suffix: str) -> None:
    raw = b"II*\0" + bytes(200) + picture(1, (16, 8), "JPEG") + bytes(99) + picture(2, (80, 60), "JPEG") + bytes(300)
    with Image.open(io.BytesIO(as_jpeg(raw, form_of(raw, suffix)))) as image:
        assert image.size == (80, 60)
    with pytest.raises(UnreadableError, match="without a preview"):
        as_jpeg(b"II*\0" + bytes(5_000), "raw")


@pytest.mark.parametrize("cut", [0.4, 0.7, 0.95])
def test_a_photo_cut_short_is_told(cut: float, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        store_picture(HEIC[: int(cut * len(HEIC))], tmp_path)


def test_a_photo_that_declares_gigapixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    place = HEIC.index(b"ispe") + 8
    bomb = HEIC[:place] + (60_000).to_bytes(4, "big") * 2 + HEIC[place + 8 :]
    clap = bomb.index(b"clap")
    for place in (clap + 4, clap + 12):
        bomb = bomb[:place] + (60_000).to_bytes(4, "big") + bomb[place + 4 :]
    with pytest.raises(UnreadableError):
        store_picture(bomb, tmp_path)


# Pages and videos


def test_pages_and_animations_are_a_picture_each() -> None:
    assert [place for place, _png in pages(animation("TIFF"))] == [1, 2, 3, 4]
    assert [place for place, _png in pages(animation("GIF"))] == [0, 2]


def test_a_video_gives_a_picture_every_two_seconds() -> None:
    frames = list(video_frames(film()))
    assert [round(second) for second, _jpeg in frames] == [0, 2, 4]
    assert frames[0][1].startswith(b"\xff\xd8\xff")


def test_of_a_long_video_only_so_many_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_video, "MAX_FRAMES", 2)
    assert len(list(video_frames(film()))) == 2
    monkeypatch.setattr(media_video, "MAX_VIDEO_SECONDS", 0.0)
    with pytest.raises(UnreadableError, match="no pictures"):
        list(video_frames(film()))


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<?xml version='1.0'?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>",
        film()[:300],
        bytes(1_000),
    ],
)
def test_no_list_of_other_files_and_nothing_broken_is_opened(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        list(video_frames(data))


def test_frames_of_a_video_stay_in_one_part(tmp_path: Path) -> None:
    files = {f"{label}/{n}.mp4": film(4 + n % 3 * 2, (32 + 16 * n, 32)) for label in ("up", "down") for n in range(4)}
    files |= {"up/photo.png": picture(5), "up/IMG_1.heic": HEIC, "up/IMG_1.mov": film()}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["split"]["how"]) == ("image-classification", "by group")
    rows = rows_of(tmp_path / "v1")
    assert len([row for row in rows if row["file"] == "up/2.mp4"]) == 4
    assert not [row for row in rows if row["file"] == "up/IMG_1.mov"]
    assert any("HEIC" in entry["sentence"] for entry in result["reading"])


# Sounds


@pytest.mark.parametrize(
    ("form", "codec"), [("ipod", "aac"), ("adts", "aac"), ("webm", "libopus"), ("asf", "wmav2"), ("mp4", "aac")]
)
def test_compressed_recordings_become_flac(form: str, codec: str, tmp_path: Path) -> None:
    data = film() if form == "mp4" else recording_of(form, codec)
    path, facts = write_flac(data, tmp_path)
    sound, rate = soundfile.read(path)
    assert abs(float(facts["seconds"]) - (6 if form == "mp4" else 2)) < 0.2
    assert (len(sound) / rate, sound.ndim) == (pytest.approx(float(facts["seconds"]), abs=1e-3), 1)
    assert np.abs(sound).max() > 0.3


def recording_of(form: str, codec: str) -> bytes:
    if codec != "wmav2":
        return recording(form, codec)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream = out.add_stream(codec, rate=16_000, layout="mono")
        stream.bit_rate = 32_000
        mux_tone(out, stream, 2)
    return buffer.getvalue()


def test_voice_memos_by_class_and_videos_with_transcripts(tmp_path: Path) -> None:
    files = {f"{label}/{n}.m4a": recording("ipod", "aac", 1 + n % 3) for label in ("yes", "no") for n in range(5)}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["rows"]) == ("audio-classification", 10)
    files = {f"{n}.mp4": film(2 + n % 3) for n in range(6)} | {
        f"{n}.txt": b"words that were spoken %d" % n for n in range(6)
    }
    result = inspect([zipped(tmp_path / "b.zip", files)], tmp_path / "v2")
    assert (result["suggestion"]["task"], result["rows"]) == ("speech-recognition", 6)


def test_a_sound_of_hours_is_refused_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_video, "MAX_SOUND_SECONDS", 1)
    with pytest.raises(UnreadableError, match="longer"):
        write_flac(recording("adts", "aac"), tmp_path)
    with pytest.raises(UnreadableError, match="no sound"):
        write_flac(film(spoken=False), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_without_the_library_of_videos_they_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {f"{name}/{n}.png": picture(n) for name in ("cat", "dog") for n in range(6)} | {"cat/a.mp4": film()}
    archive = zipped(tmp_path / "a.zip", files)
    monkeypatch.setitem(sys.modules, "av", None)
    found = inspect([archive], tmp_path / "v")
    assert (found["rows"], found["left_out"][0]["count"]) == (12, 1)
    assert "(av) is not installed" in found["left_out"][0]["examples"][0]


AMR = b"#!AMR\n" + b"".join(bytes([0x3C]) + bytes(byte * 7 % 256 for byte in range(31)) for _frame in range(50))
"""Fifty frames of 20 ms at 12.2 kbit/s, as old phones record."""


def test_a_recording_of_an_old_phone(tmp_path: Path) -> None:
    path, facts = write_flac(AMR, tmp_path)
    assert (facts["seconds"], facts["rate"], soundfile.read(path)[1]) == ("1.000", "8000", 8000)


@pytest.mark.parametrize(
    ("form", "codec", "ending"), [("webm", "libopus", "webm"), ("3gp", "aac", "3gp"), ("mp4", "aac", "mp4")]
)
def test_files_called_videos_that_hold_sound_alone_are_recordings(
    form: str, codec: str, ending: str, tmp_path: Path
) -> None:
    """What a browser's page and a phone's recorder write."""
    files = {f"{label}/{n}.{ending}": recording(form, codec, 1 + n) for label in ("yes", "no") for n in range(2)}
    result = inspect([zipped(tmp_path / "a.zip", files)], tmp_path / "v1")
    assert (result["suggestion"]["task"], result["rows"]) == ("audio-classification", 4)


def test_sound_in_cells_is_known_by_its_beginning() -> None:
    assert sniff(recording("webm", "libopus")) == ("audio", ".weba")
    assert sniff(recording_of("asf", "wmav2")) == ("audio", ".wma")


def drawn(form: str, count: int, first: int) -> bytes:
    """Pictures of half a second each, or pages."""
    buffer = io.BytesIO()
    pictures = [Image.new("RGB", (20, 20), (first * 30 % 256, 60 * number, 9)) for number in range(count)]
    pictures[0].save(
        buffer, form, save_all=True, append_images=pictures[1:], **({"duration": 500} if form == "GIF" else {})
    )
    return buffer.getvalue()


def test_pages_and_animations_are_told_and_their_distance_can_be_chosen(tmp_path: Path) -> None:
    files = {f"{('a', 'b')[n % 2]}/{n}.gif": drawn("GIF", 4, n) for n in range(6)} | {"a/x.tif": drawn("TIFF", 3, 7)}
    path = zipped(tmp_path / "a.zip", files)
    result = inspect([path], tmp_path / "v1")
    told = {entry["chosen"]: entry["sentence"] for entry in result["reading"] if entry["what"] == "conversion"}
    assert told == {
        "animation": "6 pictures were taken from animations.",
        "pages": "3 pages of TIFFs are images of their own.",
    }
    (distance,) = (entry for entry in result["reading"] if entry["what"] == "frame_seconds")
    assert (distance["chosen"], "1" in distance["others"], result["rows"]) == ("2", True, 9)
    result = inspect([path], tmp_path / "v2", readings={"frame_seconds": "1"})
    (distance,) = (entry for entry in result["reading"] if entry["what"] == "frame_seconds")
    assert (distance["chosen"], distance["asked"], result["rows"]) == ("1", True, 15)


def test_frames_of_a_video_as_far_apart_as_asked_for(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{label}/{n}.mp4": film(3 + n) for label in ("up", "down") for n in range(2)})
    counts = [inspect([path], tmp_path / every, readings={"frame_seconds": every})["rows"] for every in ("1", "5")]
    assert counts == [14, 4]
    with pytest.raises(SpecError, match="cannot be read as"):
        inspect([path], tmp_path / "v", readings={"frame_seconds": "0"})
