"""What was kept of media in another format than it came in, as readings."""

from trainer.data import documents
from trainer.data.media_files import Collection
from trainer.data.media_video import OFFERED_SECONDS
from trainer.data.readings import Choice, Reading
from trainer.messages import _, ngettext

FRAME_WHAT = "frame_seconds"
FORMS = {"heif": "HEIC", "avif": "AVIF", "raw": "camera raw", "video": "video", "sound": "compressed"}


def conversion_reading(collection: Collection, name: str) -> list[Reading]:
    """What was kept in another format than it came in: 12 HEIC photos as JPEG."""
    readings = []
    for form, count in collection.converted.items():
        if form == "video":
            sentence = ngettext(
                "%(count)s picture was taken from videos.", "%(count)s pictures were taken from videos.", count
            )
        elif form == "animation":
            sentence = ngettext(
                "%(count)s picture was taken from animations.", "%(count)s pictures were taken from animations.", count
            )
        elif form == "pages":
            sentence = ngettext(
                "%(count)s page of a TIFF is an image of its own.",
                "%(count)s pages of TIFFs are images of their own.",
                count,
            )
        elif form == "pdf":
            sentence = ngettext(
                "%(count)s page of PDFs was read as an image.", "%(count)s pages of PDFs were read as images.", count
            )
            texts = Choice(documents.TEXTS, _("Read the text of documents"))
            readings.append(Reading(documents.WHAT, documents.PAGES, sentence, [texts], file=name))
            continue
        elif form == "sound":
            sentence = ngettext(
                "%(count)s recording was converted to FLAC.", "%(count)s recordings were converted to FLAC.", count
            )
        elif form:
            sentence = ngettext(
                "%(count)s %(form)s photo was converted to JPEG.",
                "%(count)s %(form)s photos were converted to JPEG.",
                count,
                form=FORMS[form],
            )
        else:
            continue
        readings.append(Reading("conversion", form, sentence, file=name))
    if collection.converted["video"] or collection.converted["animation"]:
        readings.append(frame_reading(collection, name))
    return readings


def frame_reading(collection: Collection, name: str) -> Reading:
    """How far apart the pictures of a video are, and the other distances."""
    chosen = f"{collection.frame_seconds:g}"
    sentence = _(
        "One picture every %(seconds)s s of a video or an animation; those of one file stay together", seconds=chosen
    )
    others = [
        Choice(seconds, _("Every %(seconds)s s", seconds=seconds)) for seconds in OFFERED_SECONDS if seconds != chosen
    ]
    return Reading(FRAME_WHAT, chosen, sentence, others, 1.0, name, is_asked=collection.is_frame_asked)
