"""Records that came in are records kept plus records told where several files come together: some twice, some of other columns, without
a header, in another spelling, as files, in an archive or a folder of it, in any order."""

import json
import os
import random
from pathlib import Path

import pytest

from tests.trainer.data_files import picture, zipped
from tests.trainer.test_conservation import LABELS, MARK, texts
from tests.trainer.test_folder_uploads import tarred
from trainer.data.dataset import Dataset
from trainer.data.intake import read_files

UPLOADS = int(os.environ.get("MAQUETTE_CONSERVED", "200")) // 10
"""How many are generated of each kind; the long suite reads 200."""
DRAW = os.environ.get("MAQUETTE_CONSERVED_SEED", "")
"""Behind every seed: another word draws other files."""
HEADERS = ("id,text,label", "id,Text,label", "ID,text,Label ", "id,text,lable")
NAMES = ("train.csv", "test.csv", "user-tests-1.csv", "contest.csv", "b.csv", "a.csv", "part 2.csv")


def tables(draw: random.Random) -> tuple[dict[str, bytes], int]:
    """Files by name, and how many records they hold, each file sent twice counted twice."""
    files: dict[str, bytes] = {}
    count = number = 0
    bare = draw.random() < 0.3
    for place, name in enumerate(draw.sample(NAMES, draw.randint(2, 5))):
        rows = [
            (n, texts(draw, n).replace(",", ""), LABELS[n % 3]) for n in range(number, number + draw.randint(8, 30))
        ]
        number += len(rows)
        count += len(rows)
        header = "" if bare and place == 1 else draw.choice(HEADERS) if draw.random() < 0.3 else HEADERS[0]
        lines = ([header] if header else []) + [",".join(map(str, row)) for row in rows]
        files[name] = "".join(f"{line}\n" for line in lines).encode()
        if draw.random() < 0.3:
            files[f"copy of {name}"] = files[name]
            count += len(rows)
    if draw.random() < 0.3:
        files["orders.csv"] = b"order,price,city\n" + b"".join(b"%d,%d,Rome\n" % (n, n) for n in range(5))
        count += 5
    if draw.random() < 0.3:
        records = [{"id": str(n), "text": texts(draw, n), "label": "login"} for n in range(number, number + 6)]
        files["more.jsonl"] = "".join(json.dumps(record) + "\n" for record in records).encode()
        count += 6
    if draw.random() < 0.2:
        files["sample_submission.csv"] = b"id,label\n1,login\n2,login\n"
        count += 2
    return files, count


def sent(draw: random.Random, files: dict[str, bytes], folder: Path) -> list[Path]:
    """The files as they are, in one archive, or some in an archive and some beside it; in any order."""
    folder.mkdir()
    names = list(files)
    draw.shuffle(names)
    inside = names[: draw.choice([0, 0, len(names), len(names) // 2])]
    paths = []
    for number, name in enumerate(name for name in names if name not in inside):
        paths.append(folder / f"{number}-{name}")
        paths[-1].write_bytes(files[name])
    if inside:
        packed = {f"export/{name}": files[name] for name in inside}
        if draw.random() < 0.5:
            paths.append(tarred(folder / "90-export.tar", packed))
        else:
            paths.append(zipped(folder / "90-export.zip", packed))
    return paths


def left(dataset: Dataset, *but: str) -> int:
    return sum(int(str(entry["count"])) for entry in dataset.left_out if entry["reason"] not in but)


def test_tables_of_one_upload_are_kept_or_told(tmp_path: Path) -> None:
    for seed in range(UPLOADS):
        draw = random.Random(f"tables {seed}{DRAW}")
        files, count = tables(draw)
        dataset = read_files(sent(draw, files, tmp_path / str(seed)))
        told = [(entry["file"], entry["reason"], entry["count"]) for entry in dataset.left_out]
        assert dataset.rows + left(dataset) == count, f"{seed}: {dataset.rows} kept, {told} of {count}"
        marks = [mark for row in dataset.table.to_pylist() for mark in MARK.findall(" ".join(map(str, row.values())))]
        assert len(marks) == len(set(marks)), f"{seed}: a record came twice"
        warned = {problem["code"] for problem in dataset.problems if problem["severity"] != "info"}
        assert not dataset.left_out or warned


@pytest.mark.parametrize("packed", [tarred, zipped])
def test_pictures_of_one_upload_are_kept_or_told(packed: object, tmp_path: Path) -> None:
    for seed in range(UPLOADS // 4):
        draw = random.Random(f"pictures {seed}")
        files = {
            f"{label}/{number}.png": picture(7 * number + place)
            for place, label in enumerate(("ripe", "unripe"))
            for number in range(draw.randint(4, 9))
        }
        files |= {f"ripe/broken {number}.png": b"\x89PNG\r\n" for number in range(draw.randint(0, 2))}
        files |= {f"unripe/notes {number}.docx": b"PK" for number in range(draw.randint(0, 2))}
        hidden = dict.fromkeys(draw.sample(["ripe/.DS_Store", "Thumbs.db", "__MACOSX/ripe/._1.png"], 2), b"")
        folder = tmp_path / str(seed)
        folder.mkdir()
        path = (
            tarred(folder / "0-a.tar", files | hidden)
            if packed is tarred
            else zipped(folder / "0-a.zip", files | hidden)
        )
        paths, copies = [path], 0
        if draw.random() < 0.5:
            paths.append(folder / f"1-b{path.suffix}")
            paths[-1].write_bytes(path.read_bytes())
            copies = 1
        dataset = read_files(paths)
        assert dataset.rows + left(dataset, "same_file") == len(files) + len(hidden)
        assert sum(entry["reason"] == "same_file" for entry in dataset.left_out) == copies
