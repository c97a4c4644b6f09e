"""Reads the forms of a page as a person sees them: each field with what stands in it and the errors beside it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"input", "br", "img", "link", "meta", "hr", "source", "wbr", "col"}


@dataclass
class Field:
    attrs: dict[str, str]
    value: str = ""

    @property
    def name(self) -> str:
        return self.attrs.get("name", "")


@dataclass
class FormOnPage:
    action: str
    fields: list[Field] = field(default_factory=list)

    def field(self, name: str) -> Field:
        return next(one for one in self.fields if one.name == name)


class Page(HTMLParser):
    """`forms` of the page, `texts` of its elements by id, and `alerts`."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.forms: list[FormOnPage] = []
        self.texts: dict[str, str] = {}
        self.alerts: list[str] = []
        self.title = ""
        self.open: list[tuple[str, dict[str, str]]] = []
        self.area: Field | None = None
        self.feed(document)

    def form(self, action: str) -> FormOnPage:
        return next(one for one in self.forms if one.action == action)

    def errors_of(self, one: Field) -> str:
        """What an error beside the field says; the field must be marked and point at it."""
        assert one.attrs.get("aria-invalid") == "true", one
        ids = one.attrs.get("aria-describedby", "").split()
        return " ".join(self.texts.get(name, "") for name in ids if name.endswith("_error")).strip()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value if value is not None else "" for name, value in attrs}
        if tag == "form":
            self.forms.append(FormOnPage(given.get("action", "")))
        if tag in ("input", "textarea", "select") and self.forms:
            one = Field(given, given.get("value", ""))
            self.forms[-1].fields.append(one)
            self.area = one if tag != "input" else None
        if tag == "option" and "selected" in given and self.area:
            self.area.value = given.get("value", "")
        if given.get("id"):
            self.texts[given["id"]] = ""
        if given.get("role") == "alert":
            self.alerts.append("")
        if tag not in VOID:
            self.open.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        while self.open:
            name, _attrs = self.open.pop()
            if name == tag:
                break
        if tag in ("textarea", "select"):
            self.area = None

    def handle_data(self, data: str) -> None:
        for tag, attrs in self.open:
            if attrs.get("id"):
                self.texts[attrs["id"]] += data
            if attrs.get("role") == "alert":
                self.alerts[-1] += data
            if tag == "textarea" and self.area:
                self.area.value += data.removeprefix("\n")
