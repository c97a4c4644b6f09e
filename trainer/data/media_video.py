"""Pictures of a video, of an animated GIF and of the pages of a TIFF; and the sound of videos and of what libsndfile does not
read (m4a, AAC, AMR, WMA, WebM), by PyAV.

Only what is asked for is decoded: a picture every few seconds, at most so many a file, within a time and the budget of memory.
"""

import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import decoding
from trainer.data.media import (
    DAMAGED,
    MAX_PIXELS,
    MAX_SOUND_RATE,
    MAX_SOUND_SECONDS,
    UnreadableError,
    as_rgb,
    check_rate,
    check_size,
)
from trainer.data.media_conversion import to_jpeg

if TYPE_CHECKING:
    import numpy as np
    from av import AudioFrame, AudioResampler
    from av.container import InputContainer
    from PIL.Image import Image

FRAME_SECONDS = 2.0
"""From one picture of a video to the next."""
OFFERED_SECONDS = ("0.5", "1", "2", "5", "10")
"""What can be chosen instead."""
MAX_FRAMES = 300
"""Of one file: of a longer video they are spread over its whole length."""
MAX_VIDEO_SECONDS = 120.0
"""Of work on one video; what it has given until then is used."""
MAX_DECODED = 20_000
"""Frames that are decoded of one video, between those that are taken."""
MAX_VIDEO_PIXELS = 8192 * 8192
FRAME_BYTES = 32
"""A pixel while a video is decoded: reference frames, the picture, its conversion."""
SOUND_RATE = 48_000
"""Hz; higher rates are brought down to it."""
SOUND_FRAME_BYTES = 16 << 20
OPTIONS = {
    "protocol_whitelist": "file,pipe,crypto,data",
    "format_whitelist": "",
    "enable_drefs": "0",
    "use_absolute_path": "0",
}
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,mpeg,mpegts,mpegvideo,ogg,aac,amr,amrnb,amrwb,mp3,wav,flac,aiff,caf,ac3,eac3,ape,tta,wv,w64,au,opus,h264,hevc,m4v,dv,gif"
"""Kinds of files that are opened. None of lists of other files (HLS, concat, DASH), which could name any path."""


NO_LIBRARY = "is a video or a compressed sound, and the library that reads those (av) is not installed: see “Formats that need a library”"


@contextmanager
def open_media(source: Path | bytes) -> Iterator["InputContainer"]:
    """A file that names no others; `UnreadableError` for what cannot be opened."""
    try:
        import av
    except ImportError as error:
        raise UnreadableError(NO_LIBRARY) from error
    av.logging.set_level(av.logging.PANIC)
    options = {key: value for key, value in OPTIONS.items() if value} | {"format_whitelist": FORMATS}
    file: Any = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        with av.open(file, "r", options=options, metadata_errors="replace") as container:
            yield container
    except (av.FFmpegError, *DAMAGED) as error:
        if isinstance(error, UnreadableError):
            raise
        raise UnreadableError("is not a sound or video, or damaged") from error
    finally:
        file.close()


# Pictures


def has_pictures(source: Path | bytes) -> bool:
    """Whether a video is one: browsers and phones record sound alone into the same kinds of files. True for what cannot be opened."""
    try:
        with open_media(source) as container:
            return bool(container.streams.video)
    except UnreadableError:
        return True


def video_frames(source: Path | bytes, every: float = FRAME_SECONDS) -> Iterator[tuple[float, bytes]]:
    """(second, JPEG) of a video, one every so many seconds, at most MAX_FRAMES. Raises `UnreadableError`."""
    from PIL import Image

    began = time.monotonic()
    with open_media(source) as container:
        if not container.streams.video:
            raise UnreadableError("holds no pictures")
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        check_size(width, height, min(MAX_PIXELS, MAX_VIDEO_PIXELS))
        seconds = float(container.duration or 0) / 1_000_000
        step = max(every, seconds / MAX_FRAMES)
        stream.thread_type = "NONE"
        if seconds > 10 * 60:  # key frames alone: a film would be decoded to its end
            stream.codec_context.skip_frame = "NONKEY"
        with decoding.budget.room(FRAME_BYTES * max(width * height, 1)):
            due, count = 0.0, 0
            for number, frame in enumerate(container.decode(stream)):
                if number > MAX_DECODED or count >= MAX_FRAMES or time.monotonic() - began > MAX_VIDEO_SECONDS:
                    break
                second = float(frame.time or 0.0)
                if second + 1e-6 < due and count:
                    continue
                check_size(frame.width, frame.height, min(MAX_PIXELS, MAX_VIDEO_PIXELS))
                yield second, to_jpeg(Image.fromarray(frame.to_ndarray(format="rgb24")))
                count, due = count + 1, max(second, 0.0) + step
    if not count:
        raise UnreadableError("holds no pictures that can be decoded")


def count_pages(data: bytes) -> int:
    """Of a TIFF or an animated picture; 1 for every other, and for what cannot be read."""
    from PIL import Image

    if not data.startswith((b"II*\0", b"MM\0*", b"GIF8")):
        return 1
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF", "GIF"]) as image:
            return int(getattr(image, "n_frames", 1))
    except (*DAMAGED, RuntimeError):
        return 1


def pages(data: bytes, every: float = FRAME_SECONDS) -> Iterator[tuple[float, bytes]]:
    """(number from 1, PNG) of each page of a TIFF; (second, PNG) of an animation's pictures."""
    from PIL import Image

    second, due, count = 0.0, 0.0, 0
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF", "GIF"]) as image:
            is_animation = image.format == "GIF"
            for index in range(min(int(getattr(image, "n_frames", 1)), 10 * MAX_FRAMES)):
                image.seek(index)
                check_size(*image.size, MAX_PIXELS)
                if not is_animation or second >= due:
                    with decoding.budget.room(8 * image.width * image.height + len(data)):
                        yield (second if is_animation else index + 1.0), to_png(image)
                    count, due = count + 1, second + every
                second += float(image.info.get("duration", 100) or 100) / 1000
                if count >= MAX_FRAMES:
                    return
    except (*DAMAGED, RuntimeError) as error:
        if not count:
            raise UnreadableError("is damaged or cut short") from error


def to_png(image: "Image") -> bytes:
    buffer = io.BytesIO()
    as_rgb(image).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


# Sounds


def write_flac(source: Path | bytes, folder: Path) -> tuple[Path, dict[str, str]]:
    """The first sound of a file as FLAC in `folder`, one channel, and its facts. Raises `UnreadableError`; nothing is left of a
    file that fails."""
    with tempfile.NamedTemporaryFile(prefix="sound-", suffix=".flac", dir=folder, delete=False) as file:
        path = Path(file.name)
    try:
        rate, samples = transcode(source, path)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise
    return path, {"seconds": f"{samples / rate:.3f}", "rate": str(rate), "channels": "1"}


def transcode(source: Path | bytes, path: Path) -> tuple[int, int]:
    """(rate in Hz, samples)."""
    import soundfile

    with open_media(source) as container:
        import av

        if not container.streams.audio:
            raise UnreadableError("holds no sound")
        stream = container.streams.audio[0]
        own_rate = int(stream.rate or 0)
        check_rate(min(own_rate, MAX_SOUND_RATE + 1))
        if float(container.duration or 0) / 1_000_000 > MAX_SOUND_SECONDS:
            raise UnreadableError(f"is longer than {MAX_SOUND_SECONDS // 3600} hours")
        rate = min(own_rate, SOUND_RATE) or SOUND_RATE
        resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
        samples = 0
        with (
            decoding.budget.room(SOUND_FRAME_BYTES),
            soundfile.SoundFile(path, "w", rate, 1, "PCM_16", format="FLAC") as out,
        ):
            for block in sound_blocks(container.decode(stream), resampler):
                samples += len(block)
                if samples > MAX_SOUND_SECONDS * rate:
                    raise UnreadableError(f"is longer than {MAX_SOUND_SECONDS // 3600} hours")
                out.write(block)
    if not samples:
        raise UnreadableError("holds no sound")
    return rate, samples


def sound_blocks(frames: Iterator["AudioFrame"], resampler: "AudioResampler") -> Iterator["np.ndarray"]:
    for frame in frames:
        for converted in resampler.resample(frame):
            yield converted.to_ndarray().reshape(-1)
    for converted in resampler.resample(None):
        yield converted.to_ndarray().reshape(-1)
