"""JSON as Python holds it. Light."""

from typing import Any

JsonObject = dict[str, Any]
Json = JsonObject | list[Any] | str | int | float | bool | None
