"""Records of 120 fields and about 5.7 KB, and the operator's category that describes them."""

import json
import random
import string
from pathlib import Path
from typing import Any

ID = "bench_profile"
FIELDS = 120
_SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처고노도로모보소오조초구누두루"
_KINDS: tuple[dict[str, Any], ...] = (
    {"type": "string", "maxLength": 200},
    {"type": "integer", "minimum": 0, "maximum": 1_000_000_000},
    {"type": "number", "minimum": 0},
    {"type": "string", "format": "date-time", "maxLength": 40},
    {"enum": ["never", "rarely", "sometimes", "often", "always"]},
    {"type": "string", "maxLength": 80},
)


def write(folder: Path) -> None:
    """Write the category's file into an operator's category directory."""
    folder.mkdir(parents=True, exist_ok=True)
    both = {"ko": "벤치", "en": "Bench"}
    fields = {
        f"field_{number:03}": {"x-label": both} | _KINDS[number % len(_KINDS)]
        for number in range(FIELDS)
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "properties": fields, "required": ["field_000"], "additionalProperties": False,
    }  # fmt: skip
    document = {
        "id": ID, "dpv": ["pd:Preference"], "class": "general", "label": both,
        "description": both, "schema": schema,
    }  # fmt: skip
    (folder / f"{ID}.json").write_text(json.dumps(document, ensure_ascii=False))


def record(chance: random.Random) -> dict[str, Any]:
    """Return one record; no two are alike."""
    return {f"field_{number:03}": _value(number % len(_KINDS), chance) for number in range(FIELDS)}


def _value(kind: int, chance: random.Random) -> Any:
    match kind:
        case 0:
            return "".join(chance.choices(string.ascii_lowercase + "   ", k=87))
        case 1:
            return chance.randrange(1_000_000)
        case 2:
            return round(chance.random() * 1000, 4)
        case 3:
            return f"2026-11-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:15:30Z"
        case 4:
            return _KINDS[4]["enum"][chance.randrange(5)]
    return "".join(chance.choices(_SYLLABLES + "    ", k=26))
