"""A form for any category, made from its JSON Schema.

Simple fields become inputs, lists of words one line each, a nested object its fields side by
side; what is deeper than that is edited as JSON text. The schema itself judges the result.
"""

import base64
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from portal.customer import numbers, words
from vault import strictjson
from vault.categories import Category
from vault.exceptions import MalformedJSON, RecordInvalid, RRNFound
from vault.vocabulary import Label

DATE_TIME = "%Y-%m-%dT%H:%M"
LARGEST_FILE = 1024 * 1024


class Moment(forms.DateTimeField):
    """A moment, typed in the time zone of the pages."""

    widget = forms.DateTimeInput(format=DATE_TIME, attrs={"type": "datetime-local"})

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(input_formats=[DATE_TIME, "%Y-%m-%dT%H:%M:%S"], **kwargs)


class Lines(forms.CharField):
    """A list of words or numbers, one a line."""

    widget = forms.Textarea(attrs={"rows": 3})


class Structure(forms.CharField):
    """Something deeper, as JSON text."""

    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})

    def to_python(self, value: Any) -> Any:
        written = super().to_python(value)
        try:
            return strictjson.loads(written.encode()) if written else None
        except MalformedJSON as error:
            raise forms.ValidationError(_("This is not JSON: it %s.") % error) from None


class RecordForm(forms.Form):
    """A record of one category."""

    def __init__(
        self, category: Category, data: Any = None, files: Any = None, *, value: Any = None
    ) -> None:
        initial = dict(_initial(category.schema, value or {}))
        super().__init__(data, files, initial=initial)
        self.category = category
        self.kept = _untouched(category.schema, value or {})
        self.schemas = dict(_leaves(category.schema))
        for path, (schema, required) in self.schemas.items():
            made = _field(schema, required=required and path not in self.kept)
            made.label = words.full_name(category, path)
            self.fields[path] = made

    def value(self) -> dict[str, Any]:
        """Return the record as it was filled in, without what was left empty."""
        record: dict[str, Any] = {}
        for path, (schema, _required) in self.schemas.items():
            written = _written(self.cleaned_data.get(path), schema)
            if written is None:
                written = self.kept.get(path)
            if written is not None:
                _put(record, path.split("."), written)
        return record

    def refuse(self, error: RecordInvalid | RRNFound) -> None:
        """Show what the vault found wrong beside the fields it found it in."""
        if isinstance(error, RRNFound):
            self.add_error(None, str(error.sentence))
            return
        for pointer, what in error.problems:
            path = ".".join(step for step in pointer.strip("/").split("/") if not step.isdigit())
            self.add_error(path if path in self.fields else None, what)


def _leaves(schema: Mapping[str, Any]) -> Iterator[tuple[str, tuple[Mapping[str, Any], bool]]]:
    """Yield (path, (schema, required)) of each input; nested objects are opened one level."""
    needed = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        if part.get("type") == "object" and _is_flat(part):
            inner_needed = set(part.get("required", ()))
            for inner, deeper in part["properties"].items():
                yield f"{name}.{inner}", (deeper, name in needed and inner in inner_needed)
        else:
            yield name, (part, name in needed)


def _is_flat(schema: Mapping[str, Any]) -> bool:
    inner = schema.get("properties", {}).values()
    return bool(inner) and all(part.get("type") not in {"object", "array"} for part in inner)


def _field(schema: Mapping[str, Any], *, required: bool) -> forms.Field:  # noqa: PLR0911
    kind = schema.get("type")
    if "enum" in schema:
        return forms.ChoiceField(choices=_choices(schema), required=required)
    if kind == "boolean":
        answers = [("", "—"), ("true", _("Yes")), ("false", _("No"))]
        return forms.ChoiceField(choices=answers, required=required)
    if kind in {"integer", "number"}:
        return _number(schema, required=required)
    if kind == "array":
        simple = schema.get("items", {}).get("type") in {"string", "integer", "number"}
        hint = _("One per line.") if simple else _("As JSON.")
        return (Lines if simple else Structure)(required=required, help_text=hint)
    if kind == "object":
        return Structure(required=required, help_text=_("As JSON."))
    if schema.get("contentEncoding"):
        return forms.FileField(required=required, help_text=_("At most 1 MB."))
    return _text(schema, required=required)


def _number(schema: Mapping[str, Any], *, required: bool) -> forms.Field:
    if schema["type"] == "integer":
        return forms.IntegerField(required=required)
    return forms.FloatField(required=required, widget=forms.NumberInput(attrs={"step": "any"}))


def _text(schema: Mapping[str, Any], *, required: bool) -> forms.Field:
    if schema.get("format") == "date":
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        return forms.DateField(required=required, widget=widget)
    if schema.get("format") == "date-time":
        return Moment(required=required)
    long = schema.get("maxLength", 0) > 300
    return forms.CharField(
        required=required,
        max_length=schema.get("maxLength"),
        widget=forms.Textarea(attrs={"rows": 3}) if long else forms.TextInput(),
    )


def _choices(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = schema.get("x-values", {})
    here = words.language()
    pairs = [
        (str(each), Label(**names[each]).in_language(here) if each in names else str(each))
        for each in schema["enum"]
    ]
    return [("", "—"), *pairs]


def _written(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: PLR0911
    if value is None or value == "":
        return None
    kind = schema.get("type")
    if kind == "boolean":
        return value == "true"
    if kind == "array" and isinstance(value, str):
        return _split(value, schema.get("items", {}).get("type"))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "read"):
        return base64.b64encode(value.read(LARGEST_FILE)).decode()
    return value


def _split(value: str, kind: str | None) -> list[Any]:
    parts = [line.strip() for line in value.splitlines() if line.strip()]
    if kind == "string":
        return parts
    found = ((part, numbers.whole(part)) for part in parts)
    return [part if number is None else number for part, number in found]


def _initial(schema: Mapping[str, Any], value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, (part, _required) in _leaves(schema):
        found: Any = value
        for step in path.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
        if found is not None and not part.get("contentEncoding"):
            yield path, _shown(found, part)


def _shown(found: Any, schema: Mapping[str, Any]) -> Any:
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list) and all(isinstance(each, str | int | float) for each in found):
        return "\n".join(str(each) for each in found)
    if isinstance(found, list | Mapping):
        return strictjson.dumps(found).decode()
    if schema.get("format") == "date-time":
        return _parsed(str(found))
    return found


def _parsed(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _untouched(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form cannot show and so must not lose: files that are there already."""
    return {
        path: value[path]
        for path, (part, _required) in _leaves(schema)
        if part.get("contentEncoding") and path in value
    }


def _put(record: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        record = record.setdefault(step, {})
    record[steps[-1]] = value
