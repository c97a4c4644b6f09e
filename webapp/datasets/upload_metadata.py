"""Upload-Metadata of tus: what a client says of a file."""

import base64

from django.utils.translation import gettext as _

from webapp.core.problems import Problem


def parse_metadata(header: str) -> dict[str, str]:
    """`key base64,key base64`; what is not a text is shown with replacement characters."""
    fields = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _space, value = pair.partition(" ")
        try:
            fields[key] = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except ValueError as error:
            raise Problem(
                _("Upload-Metadata cannot be read."),
                code="bad_request",
                hint=_("Send keys with values in base64, as tus 1.0.0 asks."),
                status=400,
            ) from error
    return fields


def path_in(fields: dict[str, str]) -> str:
    """The place in a folder as clients name it; Uppy writes null for none."""
    path = fields.get("relative_path") or fields.get("relativePath") or ""
    return "" if path == "null" else path
