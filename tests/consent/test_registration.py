"""A registration is one document: kept whole, or not at all with everything that is wrong named."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from joserfc.jwk import ECKey, KeySet

from consent import registration
from consent.exceptions import RequestInvalid
from consent.models import Client, Partner, PurposeTemplate
from consent.partners import Operator
from examples.demo import brands


@pytest.fixture
def document() -> dict[str, Any]:
    """A good registration, as a brand's program writes it."""
    key = ECKey.generate_key("P-256", {"alg": "ES256", "use": "sig", "kid": "k1"})
    written = brands.facts()["tayo-ride"].written("tayo-ride", "http://vault", "", 7)
    client = written["client"] | {"jwks": KeySet([key]).as_dict(private=False)}
    facts = {name: value for name, value in written["registration"].items() if value != ""}
    return facts | {"clients": [client]}


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
