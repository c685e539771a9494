"""Points on a map to records: checked one by one, measured, split where there are too many."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from vault.importers.findings import MOST_POINTS, Bad, Finding, Item

EARTH_RADIUS = 6_371_008.8  # meters, the mean radius of WGS 84
_SPORTS = {
    "run": "run",
    "walk": "walk",
    "hik": "hike",
    "cycl": "ride",
    "bik": "ride",
    "ride": "ride",
}
Point = dict[str, Any]


@dataclass
class RawPoint:
    """A point as the file writes it."""

    line: int
    latitude: str | None
    longitude: str | None
    texts: dict[str, str] = field(default_factory=dict)


class _Odd(Exception):
    """A point that cannot be read."""


def point(raw: RawPoint) -> Point:
    """Return a checked point. Raises `_Odd` with what is wrong."""
    found: Point = {
        "latitude": _number(raw.latitude, 90, _("has no latitude between -90 and 90")),
        "longitude": _number(raw.longitude, 180, _("has no longitude between -180 and 180")),
    }
    if "ele" in raw.texts:
        found["elevation"] = _number(raw.texts["ele"], 12_000, _("has an odd elevation"))
    if "time" in raw.texts:
        found["at"] = moment(raw.texts["time"])
    if "hr" in raw.texts:
        found["heart_rate"] = round(_number(raw.texts["hr"], 260, _("has an odd heart rate")))
    return found


def place(raw: RawPoint) -> Finding:
    """Return the record of a single marked place."""
    try:
        value = point(raw)
    except _Odd as odd:
        return Bad(raw.line, str(odd))
    value.pop("heart_rate", None)
    return Item(raw.line, "place", value | _described(raw.texts))


class Path:
    """A track or route that is being read."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.texts: dict[str, str] = {}
        self._points: list[Point] = []
        self._meters = 0.0
        self._climb = 0.0
        self._last: Point | None = None

    def break_here(self) -> None:
        """Start another segment: what lies between two was not traveled."""
        self._last = None

    def add(self, raw: RawPoint) -> list[Bad]:
        """Add a point, or return what is wrong with it."""
        try:
            new = point(raw)
        except _Odd as odd:
            return [Bad(raw.line, str(odd))]
        if self._last is not None:
            self._meters += meters(self._last, new)
            self._climb += climbed(self._last, new)
        self._last = new
        self._points.append(new)
        return []

    def findings(self) -> Iterator[Finding]:
        """Yield the path as one record, or as several parts if it is long."""
        if not self._points:
            yield Bad(self.line, _("has no point that can be read"))
            return
        whole = self._whole()
        parts = [
            self._points[start : start + MOST_POINTS]
            for start in range(0, len(self._points), MOST_POINTS)
        ]
        for number, points in enumerate(parts, 1):
            # Lengths belong to the whole and stand in its first part only.
            value = dict(whole) if number == 1 else {**whole, "distance_m": None, "climb_m": None}
            value |= {"part": number if len(parts) > 1 else None, **_span(points)}
            yield self._item(value, points)

    def _item(self, value: dict[str, Any], points: list[Point]) -> Item:
        started = value.get("started_at")
        if started and any("heart_rate" in one for one in points):
            kind = value.pop("kind", "") or ""
            value |= {"kind": _sport(kind), "positions": points, "heart_rate": _heart(points)}
            value.pop("note", None)
            return Item(self.line, "workout", _filled(value))
        bare = [{name: one[name] for name in one if name != "heart_rate"} for one in points]
        return Item(self.line, "track", _filled(value | {"points": bare}))

    def _whole(self) -> dict[str, Any]:
        climbed = any("elevation" in one for one in self._points)
        return _described(self.texts) | {
            "distance_m": round(self._meters, 1),
            "climb_m": round(self._climb, 1) if climbed else None,
        }


def meters(one: Point, other: Point) -> float:
    """Return the distance on the sphere (haversine), good to half a percent."""
    lat1, lat2 = math.radians(one["latitude"]), math.radians(other["latitude"])
    half = math.sin((lat2 - lat1) / 2) ** 2
    turn = math.radians(other["longitude"] - one["longitude"])
    half += math.cos(lat1) * math.cos(lat2) * math.sin(turn / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


def climbed(one: Point, other: Point) -> float:
    """Return how many meters it went up, where both points know their height."""
    if "elevation" not in one or "elevation" not in other:
        return 0.0
    return max(0.0, float(other["elevation"] - one["elevation"]))


def moment(text: str) -> str:
    """Return a moment as UTC with Z; one without a zone is UTC, as GPX says. Raises `_Odd`."""
    try:
        read = datetime.fromisoformat(text)
        read = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Odd(_("has an odd time")) from None
    return read.isoformat().replace("+00:00", "Z")


def _number(text: str | None, most: float, what: str) -> float:
    try:
        number = float(text or "")
    except ValueError:
        raise _Odd(what) from None
    if not abs(number) <= most:  # not (NaN <= most), too
        raise _Odd(what)
    return number


def _described(texts: dict[str, str]) -> dict[str, Any]:
    note = texts.get("desc") or texts.get("cmt")
    kept = {
        "name": (texts.get("name"), 200),
        "kind": (texts.get("type"), 100),
        "note": (note, 1000),
    }
    return {name: text[:most] for name, (text, most) in kept.items() if text}


def _span(points: list[Point]) -> dict[str, Any]:
    moments = [one["at"] for one in points if "at" in one]
    return {"started_at": min(moments), "ended_at": max(moments)} if moments else {}


def _heart(points: list[Point]) -> dict[str, int]:
    rates = [one["heart_rate"] for one in points if "heart_rate" in one]
    return {"average": round(sum(rates) / len(rates)), "highest": max(rates)}


def _sport(kind: str) -> str:
    return next((sport for start, sport in _SPORTS.items() if start in kind.lower()), "other")


def _filled(value: dict[str, Any]) -> dict[str, Any]:
    return {name: inner for name, inner in value.items() if inner is not None}
