"""Every category that the stories name ships, named in both languages and closed."""

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from vault import categories, checks, vocabulary
from vault.exceptions import RecordInvalid, UnknownCategory, UnknownPurpose
from vault.management.commands import categories_table

STORIES = {
    1: ("itinerary", "indoor_position", "purchase", "parking", "vehicle", "benefit"),
    2: ("stay", "preferences", "music", "meal", "family_photo", "vehicle_interest"),
    3: ("voice_template", "preferences", "calendar_event"),
    4: ("browsing", "wish_list", "purchase"),
    5: ("body_size", "wear_history", "wardrobe"),
    6: ("search", "purchase", "loyalty", "benefit"),
    7: ("viewing", "subscription"),
    8: ("trip",),
    9: ("workout", "track"),
    10: ("service_contact", "contact", "identity", "interest"),
    11: ("purchase",),
    12: ("stay", "home_space"),
}
PROFILE = (
    "identity", "official_id", "contact", "preferences", "purchase", "payment",
    "financial_status", "loyalty", "track", "device", "browsing", "health", "voice_template",
    "household", "employment", "education",
)  # fmt: skip


@pytest.fixture
def operators(settings: Settings, tmp_path: Path) -> Path:
    settings.CATEGORY_DIR = str(tmp_path)
    return tmp_path


def own(folder: Path, category_id: str = "garden", **changes: object) -> None:
    row = {
        "id": category_id,
        "dpv": ["pd:Interest"],
        "class": "general",
        "label": {"ko": "정원", "en": "Garden"},
        "description": {"ko": "정원이에요.", "en": "A garden."},
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"plant": {"type": "string", "x-label": {"ko": "식물", "en": "Plant"}}},
        },
    }
    (folder / f"{category_id}.json").write_text(json.dumps(row | changes), encoding="utf-8")


@pytest.mark.rule("product.md", "The twelve stories")
@pytest.mark.parametrize("story", STORIES)
def test_every_category_of_a_story_ships(story: int) -> None:
    assert set(STORIES[story]) <= set(categories.load())


def test_every_category_of_the_profile_ships() -> None:
    assert set(PROFILE) <= set(categories.load())


@pytest.mark.parametrize("category_id", sorted(categories.load()))
def test_a_category_is_complete_in_both_languages(category_id: str) -> None:
    category = categories.get(category_id)
    assert checks.mistakes(categories.SHIPPED_DIR / f"{category_id}.json") == []
    for label in (category.label, category.description, *category.fields.values()):
        assert label.ko.strip()
        assert label.en.strip()
        assert label.en.isascii() or "°" in label.en or "²" in label.en
    assert category.fields


@pytest.mark.parametrize("category_id", sorted(categories.load()))
def test_every_text_list_and_number_of_a_category_has_a_limit(category_id: str) -> None:
    def unlimited(schema: dict[str, object]) -> list[str]:
        kind = schema.get("type")
        wanted = {"string": "maxLength", "array": "maxItems", "number": "maximum"}
        found = [str(schema)] if kind in wanted and wanted[str(kind)] not in schema else []
        for inner in (*schema.get("properties", {}).values(), schema.get("items")):  # type: ignore[attr-defined]
            found += unlimited(inner) if inner else []
        return found

    assert unlimited(dict(categories.get(category_id).schema)) == []


@pytest.mark.rule("product.md", "story 4")
def test_what_the_customer_looked_at_can_be_granted_field_by_field() -> None:
    assert categories.get("browsing").top_fields == ("product", "price", "when", "where")


@pytest.mark.parametrize(
    ("category_id", "classes"),
    [
        ("workout", {"sensitive", "location"}),
        ("voice_template", {"sensitive"}),
        ("health", {"sensitive"}),
        ("official_id", {"unique_id"}),
        ("track", {"location"}),
        ("indoor_position", {"location"}),
        ("trip", {"location"}),
        ("meal", {"general"}),
    ],
)
def test_a_category_says_how_carefully_it_is_handled(category_id: str, classes: set[str]) -> None:
    assert categories.get(category_id).classes == classes


def test_a_family_photo_is_for_looking_only() -> None:
    assert [one.id for one in categories.load().values() if one.look_only] == ["family_photo"]


def test_an_unknown_category_or_purpose_is_told_as_such() -> None:
    with pytest.raises(UnknownCategory):
        categories.get("someone@example.org")
    with pytest.raises(UnknownPurpose):
        vocabulary.purpose("dpv:WorldDomination")


def test_the_purposes_have_names_in_both_languages() -> None:
    assert len(vocabulary.purposes()) == 20
    for purpose in vocabulary.purposes().values():
        assert purpose.label.in_language("ko-kr")
        assert purpose.label.in_language("en").isascii()
    assert vocabulary.purpose("dpv:SellDataToThirdParties").never_bundled
    assert vocabulary.purpose("dpv:DirectMarketing").marketing


def test_what_is_wrong_with_a_record_never_repeats_it() -> None:
    secret = "비밀-9f3c"
    value = {
        "shop": 5,
        "at": secret,
        secret: secret,
        "channel": secret,
        "items": [{"product": secret * 100, "price": {"amount": secret, "currency": secret}}],
    }
    with pytest.raises(RecordInvalid) as caught:
        categories.validate("purchase", value)
    assert secret not in str(caught.value)
    where = {pointer for pointer, _what in caught.value.problems}
    assert {"", "/shop", "/at", "/channel", "/items/0/product", "/items/0/price/amount"} <= where


def test_a_record_with_thousands_of_mistakes_tells_of_the_first() -> None:
    with pytest.raises(RecordInvalid) as caught:
        categories.validate("preferences", {"meals": [1] * 4_000})
    assert len(caught.value.problems) == categories.MOST_PROBLEMS


def test_an_operators_own_category_works_like_a_shipped_one(operators: Path) -> None:
    own(operators)
    assert checks.check_categories() == []
    categories.load.cache_clear()
    try:
        categories.validate("garden", {"plant": "무궁화"})
        with pytest.raises(RecordInvalid):
            categories.validate("garden", {"tree": "소나무"})
    finally:
        categories.load.cache_clear()
        categories._validator.cache_clear()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "other"}, "the id must be the file's name"),
        ({"dpv": ["pd:Nonsense"]}, "DPV has no pd:Nonsense"),
        ({"dpv": []}, "DPV has no"),
        ({"class": "secret"}, "class and also must be of"),
        ({"label": {"ko": "정원"}}, "label must have a text for ko and one for en"),
        ({"extra": 1}, "there is no key “extra”"),
        ({"schema": {"type": 5}}, "schema must be a JSON Schema"),
        ({"schema": {"type": "object", "properties": {}}}, "additionalProperties must be false"),
        (
            {"schema": {"type": "object", "$ref": "https://example.org/x.json"}},
            "schema cannot be compiled",
        ),
        ({"happened": "never"}, "happened must name a field"),
    ],
)
def test_a_wrong_category_of_an_operator_stops_the_start_with_its_reason(
    operators: Path, changes: dict[str, object], said: str
) -> None:
    own(operators, **changes)
    assert any(said in message.msg for message in checks.check_categories())


def test_an_operators_category_never_takes_a_shipped_ones_place(operators: Path) -> None:
    own(operators, "meal")
    assert any("is shipped" in message.msg for message in checks.check_categories())


def test_a_category_file_that_is_no_json_is_named(operators: Path) -> None:
    (operators / "broken.json").write_text("{", encoding="utf-8")
    assert any("broken.json" in message.msg for message in checks.check_categories())


def test_a_folder_that_is_not_there_is_named(settings: Settings) -> None:
    settings.CATEGORY_DIR = "/no/such/folder"
    assert any("no folder" in message.msg for message in checks.check_categories())


def test_the_table_in_the_documentation_is_the_one_that_ships() -> None:
    path = categories.SHIPPED_DIR.parent.parent / "docs" / "categories.md"
    assert path.read_text(encoding="utf-8") == categories_table.table()
