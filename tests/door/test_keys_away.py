"""The root key is gone, wrong or destroyed: the door says 503 and why, and nothing is invented."""

import base64
import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client as Browser

from audit.models import Entry
from consent.access import reading
from keys import keyring, rotation
from keys.providers import FileProvider
from tests.door.brand import STAY, Brand, code

pytestmark = pytest.mark.django_db


def root_file() -> Path:
    (found,) = Path(settings.KEYRING_DIR).glob("root-*.key")
    return found


def lose() -> Callable[[], object]:
    """The file is gone; return how to bring it back."""
    path = root_file()
    aside = path.rename(path.with_suffix(".aside"))
    return lambda: aside.rename(path)


def exchange() -> Callable[[], object]:
    """Another vault's root key lies in its place."""
    path, right = root_file(), root_file().read_text()
    other = json.loads(right) | {"key": base64.b64encode(secrets.token_bytes(32)).decode()}
    path.write_text(json.dumps(other))
    return lambda: path.write_text(right)


def cut() -> Callable[[], object]:
    path, right = root_file(), root_file().read_text()
    path.write_text(right[:40])
    return lambda: path.write_text(right)


def expose() -> Callable[[], object]:
    path = root_file()
    path.chmod(0o644)
    return lambda: path.chmod(0o600)


def destroy() -> None:
    path = root_file()
    FileProvider(path.parent).destroy(path.stem.removeprefix("root-"))


AWAY = "The key provider does not answer at the moment."
FAULTS = {"missing": lose, "wrong": exchange, "damaged": cut, "readable by others": expose}


def leaves(kind: str) -> list[dict[str, Any]]:
    found = Entry.objects.filter(type=kind).order_by("seq").values_list("leaf", flat=True)
    return [orjson.loads(bytes(leaf)) for leaf in found]


def doors(hotel: Brand, call: dict[str, Any]) -> list[Any]:
    """Everything that needs a key."""
    record = call | {"record": STAY}
    return [hotel.read(call), hotel.contribute(record)]


@pytest.mark.rule("a missing root key, a wrong one, a destroyed one", "issue, bad input")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("while_running", [False, True], ids=["at the start", "while running"])
def test_without_its_root_key_the_vault_says_so_and_serves_again_when_it_is_back(
    fault: str, while_running: bool, hotel: Brand, call: dict[str, Any]
) -> None:
    before = Entry.objects.count()
    bring_back = FAULTS[fault]()
    keyring.keyring().reopen() if while_running else keyring.forget()

    for answer in doors(hotel, call):
        assert (answer.status_code, code(answer)) == (503, "keys-away")
        assert answer.json()["title"] == AWAY
        assert int(answer["Retry-After"]) >= 1
        assert str(settings.KEYRING_DIR) not in answer.content.decode()
    assert Entry.objects.count() == before  # nothing was given, so nothing was entered

    bring_back()
    keyring.keyring().reopen()
    assert [answer.status_code for answer in doors(hotel, call)] == [200, 201]


def test_a_destroyed_root_key_is_not_read_as_a_lost_one(
    hotel: Brand, call: dict[str, Any], operators_log: StringIO
) -> None:
    destroy()
    keyring.forget()

    for answer in doors(hotel, call):
        assert (answer.status_code, code(answer)) == (503, "keys-away")
    assert "RootKeyDestroyed" in operators_log.getvalue()


def test_the_keys_of_events_are_away_too(hotel: Brand) -> None:
    lose()
    keyring.forget()

    answer = hotel.http.get("/.well-known/jwks.json")

    assert (answer.status_code, code(answer)) == (503, "keys-away")


def test_keys_that_go_in_the_middle_of_a_read_are_not_a_broken_record(
    hotel: Brand, call: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm = reading.guard.confirm

    def then_lose(order: Any) -> Any:
        confirmed = confirm(order)
        lose()
        keyring.keyring().reopen()
        return confirmed

    monkeypatch.setattr(reading.guard, "confirm", then_lose)
    answer = hotel.read(call)

    assert (answer.status_code, code(answer)) == (503, "keys-away")
    (read,), (failed,) = leaves("record.read"), leaves("record.failed")
    assert (failed["of"], failed["reason"]) == (read["id"], "provider-away")


def test_a_read_whose_generation_is_retired_under_it_is_answered(
    hotel: Brand, call: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation that was killed and now moves and retires at once, between facts and answer."""
    day = datetime.now(UTC)
    keyring.keyring().ensure_generation(now=day + timedelta(days=8), force=True)
    confirm = reading.guard.confirm

    def after_the_rotation(order: Any) -> Any:
        monkeypatch.setattr(reading.guard, "confirm", confirm)
        assert rotation.rotate(now=day + timedelta(days=16), force=True).retired
        return confirm(order)

    monkeypatch.setattr(reading.guard, "confirm", after_the_rotation)
    answer = hotel.read(call)

    assert answer.status_code == 200
    assert answer.json()["records"]
    assert not leaves("record.failed")


def test_what_the_operator_sees_names_the_fault(
    hotel: Brand, call: dict[str, Any], operators_log: StringIO
) -> None:
    from config import serving

    exchange()
    keyring.forget()
    hotel.read(call)
    said = [json.loads(line) for line in operators_log.getvalue().splitlines()]
    (line,) = [each for each in said if each["event"] == "unanswered"]

    assert line["error"].startswith("RootKeyWrong ")
    with pytest.raises(serving.NotReady, match="restore root key and keyring from the same backup"):
        serving.check()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_keyring_that_flickers_gives_answers_or_503_and_never_a_broken_record(
    hotel: Brand, call: dict[str, Any]
) -> None:
    from tests.door.test_keys_in_motion import for_a_while, readers

    def flicker() -> None:
        bring_back = lose()
        keyring.keyring().reopen()
        threading.Event().wait(0.01)
        bring_back()
        keyring.keyring().reopen()
        threading.Event().wait(0.02)

    with readers(hotel, call) as statuses:
        for_a_while(flicker, 3)

    assert set(statuses) == {200, 503}
    assert {leaf["reason"] for leaf in leaves("record.failed")} <= {"provider-away"}
    assert Browser  # the door is the only way in
