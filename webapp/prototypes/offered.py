"""The sample sets that the page of a new prototype offers beside the support messages: one for each kind of data."""

from django.utils.translation import gettext_lazy as _

from trainer.samples import SAMPLES

TITLES = {
    "harvest": _("Tomatoes with notes"),
    "digits": _("Handwritten digits"),
    "shapes": _("Discs and squares"),
    "tones": _("Tones"),
    "breast-cancer": _("Tumours"),
    "diabetes": _("Diabetes"),
}
ABOUT = {
    "harvest": _("200 drawings with a text each, 4 answers that take both"),
    "digits": _("1,797 small pictures, 10 digits"),
    "shapes": _("120 drawings with boxes; its models come from the Hugging Face hub"),
    "tones": _("160 short sounds, 4 kinds"),
    "breast-cancer": _("569 rows of 30 measures, benign or malignant"),
    "diabetes": _("442 rows of 10 measures, a number to predict"),
}


def cards() -> list[dict[str, str]]:
    """[{name, title, about}] of the sets that the trainer writes."""
    return [{"name": name, "title": str(TITLES[name]), "about": str(ABOUT[name])} for name in TITLES if name in SAMPLES]
