"""A registration is one document: kept whole, or not at all with everything that is wrong named."""

import io
import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from joserfc.jwk import ECKey, KeySet

from consent import registration
from consent.exceptions import RequestInvalid
from consent.models import Client, Partner, PurposeTemplate
from consent.partners import Operator
from consent.requests import rules
from examples.demo import brands


@pytest.fixture
def document() -> dict[str, Any]:
    """A good registration, as a brand's program writes it."""
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": "k1"})
    written = brands.facts()["tayo-ride"].written("tayo-ride", "http://vault", "", 7)
    client = written["client"] | {"jwks": KeySet([key]).as_dict(private=False)}
    facts = {name: value for name, value in written["registration"].items() if value != ""}
    return deepcopy(facts | {"clients": [client]})


@pytest.mark.django_db
def test_the_command_registers_files_and_prints_the_ids(
    document: dict[str, Any], tmp_path: Path
) -> None:
    path, said = tmp_path / "ride.json", io.StringIO()
    path.write_text(json.dumps(document))
    call_command("register_partner", str(path), stdout=said)
    printed = json.loads(said.getvalue())
    client = Client.objects.get(client_id=printed["clients"][0]["client_id"])
    assert printed["partner"] == str(client.partner_id)
    assert client.name_ko == "타요 라이드"
    template = PurposeTemplate.objects.get()
    assert template.max_frequency == {"count": 1, "unit": "record"}
    assert template.max_expiry.days == 14


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"country": "Korea"}, "/country"),
        ({"officer_mail": "nobody"}, "/officer_mail"),
        ({"kind": "sect"}, "/kind"),
        ({"clients": []}, "/clients"),
        ({"event_endpoint": "ftp://brand.example/events"}, "/event_endpoint"),
        ({"event_endpoint": "https://brand.example:22/events"}, "/event_endpoint"),
        ({"surprise": 1}, ""),
    ],
)
def test_a_bad_fact_is_named_by_its_place(
    document: dict[str, Any], changes: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(RequestInvalid) as refused:
        registration.register(document | changes, Operator())
    assert pointer in {at for at, _what in refused.value.problems}
    assert not Partner.objects.exists()


@pytest.mark.django_db
def test_purposes_categories_fields_and_keys_are_checked(document: dict[str, Any]) -> None:
    purpose = document["purposes"][0]
    bad = [
        purpose | {"purpose": "dpv:MadeUp"},
        purpose | {"categories": {"trip": {"actions": ["read"], "fields": ["color"]}}},
        purpose | {"categories": {"tripp": {"actions": ["read"]}}},
    ]
    clients = [document["clients"][0] | {"jwks": {"keys": []}}]
    with pytest.raises(RequestInvalid) as refused:
        registration.register(document | {"purposes": bad, "clients": clients}, Operator())
    assert {at for at, _what in refused.value.problems} >= {
        "/clients/0/jwks",
        "/purposes/0/purpose",
        "/purposes/1/categories/trip/fields",
        "/purposes/2/categories",
    }
    assert "tripp" not in str(refused.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "what"),
    [("{", "not JSON"), ('{"kind": 1, "kind": 2}', "not JSON"), ("[]", "nothing was registered")],
)
def test_the_command_says_what_is_wrong_with_a_file(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "brand.json"
    path.write_text(text)
    with pytest.raises(CommandError, match=what):
        call_command("register_partner", str(path))
    with pytest.raises(CommandError, match="No such file"):
        call_command("register_partner", str(tmp_path / "none.json"))


@pytest.mark.django_db
def test_of_several_files_all_are_registered_or_none(
    document: dict[str, Any], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(document))
    bad.write_text(json.dumps(document | {"kind": "sect"}))
    with pytest.raises(CommandError):
        call_command("register_partner", str(good), str(bad))
    assert not Partner.objects.exists()


@pytest.mark.django_db
@pytest.mark.rule("주민등록번호 is neither stored nor requested", "consent.md 11.4")
@pytest.mark.parametrize(
    ("path", "text"),
    [
        (["legal_name_ko"], "마루 900101-1234567"),
        (["officer_name"], "9 0 0 1 0 1 1 2 3 4 5 6 8"),
        (["officer_phone"], "9001011234568"),
        (["address"], "서울 (900101)1234567"),
        (["registration_number"], "900101-1234567"),
        (["purposes", 0, "title_ko"], "주민등록번호 900101/1234567"),
        (["clients", 0, "name_en"], "900101-\u202e1234567"),
        (["clients", 0, "jwks", "keys", 0, "kid"], "900101-1234567"),
        (["clients", 0, "redirect_uris", 0], "https://a.example/900101-1234567"),
        (["clients", 0, "sealing_key", "kid"], "900101-1234567"),
    ],
)
def test_a_resident_number_is_refused_wherever_it_stands(
    document: dict[str, Any], tmp_path: Path, path: list[Any], text: str
) -> None:
    client = document["clients"][0]
    client["redirect_uris"] = ["https://a.example/back"]
    suite, key = "x25519-sha256-aes256gcm", "A" * 43
    client["sealing_key"] = {"suite": suite, "kid": "s", "key": key}
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    file = tmp_path / "brand.json"
    file.write_text(json.dumps(document))
    with pytest.raises(CommandError) as refused:
        call_command("register_partner", str(file))
    pointer = "/" + "/".join(map(str, path))
    sentence = str(rules.SENTENCES["resident-number"])
    assert str(refused.value).endswith(f"nothing was registered.\n  {pointer}: {sentence}")
    assert "1234567" not in str(refused.value)
    assert not Partner.objects.exists()


@pytest.mark.django_db
def test_the_number_of_a_company_looks_alike_and_is_taken(document: dict[str, Any]) -> None:
    registered = registration.register(
        document | {"registration_number": "110111-1234567"}, Operator()
    )
    assert registered.partner.registration_number == "110111-1234567"


@pytest.mark.django_db
@pytest.mark.rule("consent.md", "3.6")
def test_names_are_kept_as_requests_keep_texts(document: dict[str, Any], tmp_path: Path) -> None:
    document["legal_name_ko"] = "마루\x00\u202e  호텔\n"
    document["officer_name"] = "\u200b김\u2066 하나"
    document["clients"][0]["name_en"] = "Maru\x07\t Hotel"
    document["purposes"][0]["title_ko"] = "객실\u202e 준비"
    file = tmp_path / "brand.json"
    file.write_text(json.dumps(document))
    call_command("register_partner", str(file), stdout=io.StringIO())
    partner = Partner.objects.get()
    assert (partner.legal_name_ko, partner.officer_name) == ("마루 호텔", "김 하나")
    assert Client.objects.get().name_en == "Maru Hotel"
    assert PurposeTemplate.objects.get().title_ko == "객실 준비"


@pytest.mark.django_db
def test_a_text_of_which_tidying_leaves_nothing_is_missing(document: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid) as refused:
        registration.register(document | {"officer_name": "\u202e\x01"}, Operator())
    assert "/officer_name" in {at for at, _what in refused.value.problems}


@pytest.mark.django_db
@pytest.mark.parametrize("kid", ["a\u202eb", "a\x00b"])
def test_what_programs_compare_is_refused_not_tidied(document: dict[str, Any], kid: str) -> None:
    document["clients"][0]["jwks"]["keys"][0]["kid"] = kid
    with pytest.raises(RequestInvalid) as refused:
        registration.register(document, Operator())
    assert "/clients/0/jwks" in {at for at, _what in refused.value.problems}
