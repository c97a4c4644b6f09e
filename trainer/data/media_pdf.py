"""Pages of PDFs as pictures, drawn by PDFium (pypdfium2): for forms, receipts and scans, whose look says more than their text.

Drawn at 150 dots per inch, no side longer than MAX_SIDE. PDFium is not a library for threads, so one page is drawn at a time.
"""

import io
import threading
import time
from collections.abc import Iterator

from trainer import decoding
from trainer.data.media import UnreadableError

DOTS, POINTS = 150, 72
"""Per inch, of a picture and of a page's own measure."""
MAX_SIDE = 2_000
MAX_PAGES, MAX_SECONDS = 300, 120.0
"""Of one file."""
ONE_AT_A_TIME = threading.Lock()


def page_pictures(data: bytes) -> Iterator[tuple[int, bytes | UnreadableError]]:
    """(number from 1, JPEG or why there is none) of each page; the last one says how many more there are. Raises
    `UnreadableError` for a file of which no page can be drawn."""
    began = time.monotonic()
    with ONE_AT_A_TIME:
        count = count_pages(data)
    drawn = 0
    for number in range(1, count + 1):
        if number > MAX_PAGES or time.monotonic() - began > MAX_SECONDS:
            if drawn:
                yield number, UnreadableError(f"has {count:,} pages, of which the first {number - 1:,} are used")
                return
            raise UnreadableError("takes too long to draw")
        with ONE_AT_A_TIME:
            try:
                picture: bytes | UnreadableError = draw(data, number - 1)
            except UnreadableError as error:
                picture = UnreadableError(f"page {number} {error}")
        drawn += isinstance(picture, bytes)
        if count == 1 and isinstance(picture, UnreadableError):
            raise picture
        yield number, picture


def count_pages(data: bytes) -> int:
    import pypdfium2
    from pypdfium2 import raw

    try:
        with pypdfium2.PdfDocument(data) as document:
            count = len(document)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD:
            raise UnreadableError("is protected by a password") from error
        raise UnreadableError("is a damaged PDF") from error
    if not count:
        raise UnreadableError("is a PDF without pages")
    return count


def draw(data: bytes, index: int) -> bytes:
    """One page on white, as JPEG."""
    import pypdfium2

    try:
        with pypdfium2.PdfDocument(data) as document:
            page = document[index]
            width, height = page.get_size()
            if not 0 < min(width, height) <= max(width, height) < 1e6:
                raise UnreadableError("has no size")
            scale = min(DOTS / POINTS, MAX_SIDE / max(width, height))
            with decoding.budget.room(12 * max(1, round(width * scale)) * max(1, round(height * scale))):
                image = page.render(scale=scale).to_pil().convert("RGB")
                buffer = io.BytesIO()
                image.save(buffer, "JPEG", quality=90)
    except (pypdfium2.PdfiumError, ValueError, OSError, MemoryError) as error:
        raise UnreadableError("cannot be drawn") from error
    return buffer.getvalue()
