"""Words that the site says in each language: marked here, where they belong, and translated there. Light.

The names are those that gettext's tools look for; what they give is the English, which is also what the command line says.
"""


def gettext_noop(message: str) -> str:
    return message


def pgettext(context: str, message: str) -> str:
    return message
