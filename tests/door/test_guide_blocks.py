"""Every block of code in the guides is one that a test sends, runs or compares; no other may stand there."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from django.conf import settings
from django.test import Client as Browser
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey

from consent import alliances, grants
from consent.actors import Actor
from consent.models import Grant
from tests import cast
from tests.consent.access.test_sealed_answers import Receiver
from tests.door.brand import STAY, Brand, arrive
from vault import pods
from vault.models import Pod

DOCS = Path(settings.BASE_DIR) / "docs"
MANY = (DOCS / "api-many.md").read_text(encoding="utf-8")
FIRST = (DOCS / "api.md").read_text(encoding="utf-8")
# Sent by test_guide.py, and by the tests below.
NAMED = {
    "api.md": {"registration", "assertion", "request", "read", "contribution", "attestation"},
    "api-many.md": {
        "stream", "stream-answer", "batch-answer", "changes-answer", "sealed-answer",
    },
    "api-journeys.md": {"journey"},
}  # fmt: skip
BULK = "/api/v1/contributions/bulk"
pytestmark = pytest.mark.django_db


def example(name: str, text: str = MANY) -> list[Any]:
    """A block of the guide; one of JSON lines gives several values."""
    block = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)```", text, re.S)
    assert block is not None, name
    try:
        return [json.loads(block[1])]
    except ValueError:
        return [json.loads(line) for line in block[1].splitlines()]


def is_like(shown: Any, real: Any) -> bool:
    """Whether an answer has what the guide shows; `{}` and `[]` in the guide leave the rest out."""
    if isinstance(shown, dict) and shown:
        return isinstance(real, dict) and shown.keys() <= real.keys() and all(
            is_like(value, real[name]) for name, value in shown.items()
        )  # fmt: skip
    if isinstance(shown, list) and shown:
        return isinstance(real, list) and all(
            any(is_like(one, found) for found in real) for one in shown
        )
    return shown is None or real is None or type(shown) is type(real)


@pytest.fixture
def hotel() -> Brand:
    return arrive()


@pytest.fixture
def pod() -> Pod:
    made = cast.make_pod()
    pods.put(made, "stay", STAY)
    return made


@pytest.fixture
def grant(pod: Pod, hotel: Brand) -> Grant:
    items = [cast.make_item(), cast.make_item(action="contribute")]
    return cast.make_grant(pod, hotel.made.client, items=items)


def about(grant: Grant) -> dict[str, Any]:
    return {"subject": grant.pairwise, "category": "stay", "purpose": cast.PURPOSE}


@pytest.mark.rule("every code block in docs is run or checked by a test", "issue 4")
@pytest.mark.parametrize("page", NAMED)
def test_no_block_stands_there_unchecked(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    named = re.findall(r"<!-- example: ([\w-]+) -->\n```json\n", text)
    assert sorted(named) == sorted(NAMED[page])
    assert len(named) == text.count("```json\n")


def test_the_stream_and_its_answer(hotel: Brand, grant: Grant) -> None:
    (line,) = example("stream")
    assert line["purpose"] == cast.PURPOSE
    good = line | {"subject": grant.pairwise}
    bad = good | {"key": "stay-2", "record": {"hotel": "Maru", "check_in": "soon"}}
    body = b"".join(json.dumps(each).encode() + b"\n" for each in (good, bad))
    answer = hotel.send(
        "POST", BULK, body, content_type="application/x-ndjson",
        headers={"Idempotency-Key": "many-1"},
    )  # fmt: skip
    told = [json.loads(each) for each in answer.content.splitlines()]
    for shown, real in zip(example("stream-answer"), told, strict=True):
        assert is_like(shown, real), real
        assert shown.keys() == real.keys()
        assert shown.get("error") == real.get("error")


def test_the_answer_of_a_batch(hotel: Brand, grant: Grant) -> None:
    ended = cast.make_grant(client=hotel.made.client)
    pods.put(ended.pod, "stay", STAY)
    grants.end(ended, Grant.EndKind.WITHDRAWN, "owner", Actor.owner(ended.pod.owner))
    call = about(grant)
    subjects = [call.pop("subject"), ended.pairwise, "0000"]
    answer = hotel.send("POST", "/api/v1/reads/batch", call | {"subjects": subjects}).json()
    (shown,) = example("batch-answer")
    assert [each.get("error") for each in shown["results"]] == [
        each.get("error") for each in answer["results"]
    ]
    for one, real in zip(shown["results"], answer["results"], strict=True):
        assert is_like(one, real), real
        assert one.keys() == real.keys()


def test_the_pages_of_a_feed(hotel: Brand, pod: Pod, grant: Grant) -> None:
    record = pods.put(pod, "stay", STAY | {"room": "1"})
    gone = pods.put(pod, "stay", STAY | {"room": "2"})
    path = "/api/v1/changes"
    first = hotel.send("POST", path, about(grant)).json()
    pods.change(record, STAY | {"room": "3"})
    pods.delete(gone)
    pods.put(pod, "stay", STAY | {"room": "4"})
    second = hotel.send("POST", path, about(grant) | {"cursor": first["cursor"]}).json()
    (shown,) = example("changes-answer")
    assert shown.keys() == second.keys()
    assert is_like(shown, second), second
    found = {each["kind"]: each for each in second["changes"]}
    for one in shown["changes"]:
        assert one["kind"] in found
        assert is_like(one, found[one["kind"]]), one


def test_a_sealed_answer(hotel: Brand, grant: Grant) -> None:
    from consent.access import calls, reading
    from tests.consent.access.test_sealed_answers import JKT

    receiver = Receiver(hotel.made.client, "x25519-sha256-aes256gcm")
    answer = reading.read(receiver.token, calls.parse(about(grant)), proof_jkt=JKT)
    real = orjson.loads(orjson.dumps(answer, option=orjson.OPT_UTC_Z))
    (shown,) = example("sealed-answer")
    assert shown.keys() == real.keys()
    assert is_like(shown, real), real
    assert shown["sealed"]["suite"] == real["sealed"]["suite"]


def test_a_journey_as_it_is_written_down(hotel: Brand) -> None:
    (journey,) = example("journey", (DOCS / "api-journeys.md").read_text(encoding="utf-8"))
    lead = hotel.made.client
    made = alliances.make(lead.partner, "여행", "Travel", Actor.operator())
    body = cast.make_body(subject=None)
    (stop,) = journey["stops"]
    assert stop["request"].keys() - {"…"} <= body.keys()
    now = timezone.now()
    said = journey | {
        "alliance": str(made.pk), "starts": now.isoformat(),
        "ends": (now + timedelta(days=3)).isoformat(),
        "stops": [stop | {"client": lead.client_id, "request": body}],
    }  # fmt: skip
    answer = hotel.send("POST", "/api/v1/journeys", said, headers={"Idempotency-Key": "day-1"})
    assert answer.status_code == 201, answer.content
    assert {"id", "expires_at", "stops", "link"} <= answer.json().keys()
    assert {"code", "url", "qr_svg"} <= answer.json()["link"].keys()


def test_the_lines_of_python_make_a_key_and_an_assertion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sections 1 and 3, one after the other, with the key that openssl makes."""
    (tmp_path / "brand.pem").write_bytes(ECKey.generate_key("P-256").as_pem(private=True))
    monkeypatch.chdir(tmp_path)
    said: list[Any] = []
    names: dict[str, Any] = {
        "print": said.append,
        "CLIENT_ID": "maru",
        "VAULT": "https://v.example",
    }
    for code in (part.split("```")[0] for part in FIRST.split("```python\n")[1:]):
        exec(code, names)
    public, assertion = said
    assert public["kid"] == "2026-11"
    assert "d" not in public
    signed = jws.deserialize_compact(assertion, ECKey.import_key(public), ["ES256"])
    assert {"iss": "maru", "sub": "maru", "aud": "https://v.example"}.items() <= json.loads(
        signed.payload
    ).items()


def test_the_lines_of_curl_knock_at_doors_that_are_there() -> None:
    openssl, *curls = (
        each.replace("\\\n", " ") for each in re.findall(r"```sh\n(.*?)```", FIRST, re.S)
    )
    assert openssl.split()[:3] == ["openssl", "ecparam", "-name"]
    for curl in curls:
        (path,) = re.findall(r'curl "\$VAULT(\S+)"', curl)
        form = dict(pair for said in re.findall(r"-d (\S+)", curl) for pair in parse_qsl(said))
        answer = Browser().post(path, form) if form else Browser().get(path)
        assert answer.status_code in {400, 401}, path
        if path == "/oauth/token":
            assert form.keys() == {"grant_type", "client_assertion_type", "client_assertion"}
