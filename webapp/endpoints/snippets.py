"""Calls to an endpoint that work when pasted, by what its model reads: what its demo shows as JSON, or a file."""

import json
import shlex
from typing import Any

from webapp import answers as presentations
from webapp.catalog.titles import reads_table
from webapp.endpoints import addresses
from webapp.endpoints.examples import visitor_context
from webapp.endpoints.models import Endpoint
from webapp.runs.inputs import MEDIA, Field, fields_of, is_single, of_text
from webapp.runs.models import Run

FILES = {"image": "photo.jpg", "audio": "recording.wav"}


def snippets(endpoint: Endpoint) -> list[dict[str, str]]:
    """[{name, code}] for curl, Python and JavaScript."""
    run, url = (endpoint.current.run if endpoint.current else None), addresses.predict_url(endpoint)
    fields = fields_of(run)
    medium = next((field for field in fields if field.kind in MEDIA), None)
    pick = pick_of(run)
    if run and medium:
        others = [field for field in fields if field.kind not in MEDIA]
        codes = of_file(url, FILES[medium.kind], pick, medium.name, {field.name: "…" for field in others})
    else:
        codes = of_json(url, json.dumps(example_of(endpoint, run, fields), ensure_ascii=False), pick)
    return [
        {"name": name, "id": name.lower(), "code": code}
        for name, code in zip(("curl", "Python", "JavaScript"), codes, strict=True)
    ]


def pick_of(run: Run | None) -> str:
    """The field of an output that holds the answer."""
    return presentations.of_task(run.task if run else None).answer.pick


def example_of(endpoint: Endpoint, run: Run | None, fields: list[Field]) -> Any:
    """What the demo's form holds for a visitor: snippets are pasted where strangers read them."""
    if run is None or is_single(run):
        shown = visitor_context(endpoint, run)["examples"] if run else []
        return shown[0].text if shown else "Hello"
    filled = visitor_context(endpoint, run)["fields"]
    values = {field.name: of_text(field, str(field.value)).value for field in filled if field.value not in (None, "")}
    needed = fields[:1] if reads_table(run.task) else fields
    return values or {field.name: "Hello" for field in needed}


def of_json(url: str, text: str, pick: str) -> tuple[str, str, str]:
    body = shlex.quote(f'{{"inputs": [{text}]}}')
    curl = f"""curl {url} \\
  -H "Authorization: Bearer $MAQUETTE_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}"""
    python = f"""import json, os, urllib.request

inputs = json.loads({f"[{text}]"!r})
request = urllib.request.Request(
    "{url}",
    data=json.dumps({{"inputs": inputs}}).encode(),
    headers={{"Authorization": "Bearer " + os.environ["MAQUETTE_KEY"], "Content-Type": "application/json"}},
)
print(json.load(urllib.request.urlopen(request))["outputs"][0]["{pick}"])"""
    script = f"""const answer = await fetch("{url}", {{
  method: "POST",
  headers: {{ "Authorization": `Bearer ${{process.env.MAQUETTE_KEY}}`, "Content-Type": "application/json" }},
  body: JSON.stringify({{ inputs: [{text}] }}),
}});
console.log((await answer.json()).outputs[0].{pick});"""
    return curl, python, script


def of_file(url: str, name: str, pick: str, medium: str, others: dict[str, str]) -> tuple[str, str, str]:
    """`medium` is the file's name as an input, `others` what goes with it, by name."""
    extra = "".join(f" \\\n  -F {shlex.quote(f'{key}={value}')}" for key, value in others.items())
    curl = f"""curl {url} \\
  -H "Authorization: Bearer $MAQUETTE_KEY" \\
  -F file=@{name}{extra}"""
    row = json.dumps(others, ensure_ascii=False)
    item = f"{{{json.dumps(medium, ensure_ascii=False)}: file, **{row}}}" if others else "file"
    python = f"""import base64, json, os, urllib.request

file = "data:;base64," + base64.b64encode(open("{name}", "rb").read()).decode()
request = urllib.request.Request(
    "{url}",
    data=json.dumps({{"inputs": [{item}]}}).encode(),
    headers={{"Authorization": "Bearer " + os.environ["MAQUETTE_KEY"], "Content-Type": "application/json"}},
)
print(json.load(urllib.request.urlopen(request))["outputs"][0]["{pick}"])"""
    appended = "".join(f"\nform.append({json.dumps(key)}, {json.dumps(value)});" for key, value in others.items())
    script = f"""import {{ openAsBlob }} from "node:fs";

const form = new FormData();
form.append("file", await openAsBlob("{name}"), "{name}");{appended}
const answer = await fetch("{url}", {{
  method: "POST",
  headers: {{ "Authorization": `Bearer ${{process.env.MAQUETTE_KEY}}` }},
  body: form,
}});
console.log((await answer.json()).outputs[0].{pick});"""
    return curl, python, script
