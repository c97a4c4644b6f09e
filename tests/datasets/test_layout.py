"""A file read as text that is a table: one press on its page, or one field of the API, reads it anew."""

import io
import json
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from webapp.datasets.models import Dataset
from webapp.prototypes.models import Prototype

Read = Callable[[Dataset], Dataset]
LINES = "".join(
    f"good, fast and cheap{', really' * (number % 3)}{'; visit it' * (number % 2)} on day {number}, said I.\n"
    for number in range(40)
)


def prototype_of(web: Client) -> Prototype:
    file = io.BytesIO(LINES.encode())
    file.name = "notes.txt"
    web.post(reverse("new_prototype"), {"file": file})
    return Prototype.objects.get()


def test_the_page_offers_to_read_text_as_a_table(web: Client, read: Read) -> None:
    prototype = prototype_of(web)
    read(prototype.dataset)
    address = reverse("data", args=[prototype.pk])
    assert "This is a table, not text" in web.get(address).content.decode()
    answer = web.post(reverse("choose_sheet", args=[prototype.pk]), {"layout": "table"})
    assert answer["Location"] == address
    assert read(prototype.dataset).latest.profile["source"][0]["format"] == "csv"
    assert "This is a table, not text" not in web.get(address).content.decode()


def test_the_api_reads_it_either_way(web: Client, api: Client, read: Read) -> None:
    dataset = read(prototype_of(web).dataset)
    address = f"/api/v1/datasets/{dataset.pk}/versions"
    for layout, form in (("table", "csv"), ("text", "text")):
        answer = api.post(address, json.dumps({"layout": layout}), content_type="application/json")
        assert answer.status_code == 201
        assert read(dataset).latest.profile["source"][0]["format"] == form
    refused = api.post(address, json.dumps({"layout": "poem"}), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_layout")
