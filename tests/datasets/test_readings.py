"""How files were read, as the site and the API tell it, and read anew in another way."""

import io
import json
import re
from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from webapp.datasets.models import Dataset
from webapp.prototypes.models import Prototype

Read = Callable[[Dataset], Dataset]
LINES = "".join(f"message {number} about the order,{('good', 'bad')[number % 2]}\n" for number in range(40))


def dataset_of(web: Client, content: str) -> Dataset:
    file = io.BytesIO(content.encode())
    file.name = "notes.csv"
    web.post(reverse("new_prototype"), {"file": file})
    return Prototype.objects.get().dataset


def test_the_api_tells_the_reading_and_takes_another(web: Client, api: Client, read: Read) -> None:
    dataset = read(dataset_of(web, "text,label\n" + LINES))
    address = f"/api/v1/datasets/{dataset.pk}"
    header = api.get(address).json()["reading"][0]
    assert (header["what"], header["chosen"], header["others"]) == ("header", "1", ["0"])
    body = json.dumps({"reading": {"header": "0"}})
    assert api.post(f"{address}/versions", body, content_type="application/json").status_code == 201
    read(dataset)
    told = api.get(address).json()
    assert (told["rows"], told["reading"][0]["chosen"], told["left_out"]) == (41, "0", [])
    assert dataset.latest.note == "Read as: No header"
    refused = api.post(
        f"{address}/versions", json.dumps({"reading": {"header": "x" * 2000}}), content_type="application/json"
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_reading")


def test_the_page_opens_with_how_the_file_was_read(web: Client, read: Read) -> None:
    dataset = read(dataset_of(web, "".join(f"{n},{line}" for n, line in enumerate(LINES.splitlines(True)))))
    prototype = Prototype.objects.get()
    address = reverse("data", args=[prototype.pk])
    page = web.get(address).content.decode()
    assert "How the file was read" in page
    assert "Read it as:" in page
    web.post(reverse("choose_sheet", args=[prototype.pk]), {"reading": "header", "choice": "1"})
    assert read(dataset).latest.rows == 39
    assert "Header in row 1" in web.get(address).content.decode()


def test_what_was_left_out_is_on_the_page(web: Client, read: Read) -> None:
    read(dataset_of(web, "Our report\nof May\n\ntext,label,day\n" + LINES.replace("\n", ",3\n") + "Total,,9\n"))
    page = web.get(reverse("data", args=[Prototype.objects.get().pk])).content.decode()
    assert "Header in row 4 below 2 title lines" in page
    assert "3 records or lines" in page
    assert "Our report" in page


def test_files_of_other_columns_are_a_choice_with_a_preview_of_each(web: Client, read: Read) -> None:
    letters, costs = io.BytesIO(f"text,label\n{LINES}".encode()), io.BytesIO(b"city,price\nRome,1\nParis,2\n")
    letters.name, costs.name = "letters.csv", "costs.csv"
    web.post(reverse("new_prototype"), {"file": [costs, letters]})
    prototype = Prototype.objects.get()
    assert prototype.dataset is not None
    dataset = read(prototype.dataset)
    page = web.get(reverse("data", args=[prototype.pk])).content.decode()
    assert "letters.csv is read; the other files have other columns" in page
    assert "2 rows of costs.csv were left out" in page
    regions = re.findall(r'aria-label="(Preview[^"]*)"', page)
    assert len(regions) == len(set(regions)) >= 2, "a screen reader tells the previews apart"
    web.post(reverse("choose_sheet", args=[prototype.pk]), {"reading": "files", "choice": "costs.csv"})
    latest = read(dataset).latest
    assert latest is not None
    assert latest.rows == 2
