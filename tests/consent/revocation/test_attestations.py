"""A signed answer counts once; replayed, foreign and forged ones change nothing (8.3)."""

import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey

from audit.models import Entry, Tally
from consent import profiles
from consent.exceptions import AttestationRefused, RequestInvalid
from consent.models import Attestation, Grant, Obligation, Partner
from consent.revocation import attestations, bars, clocks, escalations
from tests import cast
from tests.cast import ClientWithKey
from tests.consent.revocation.conftest import obliged
from vault.exceptions import RRNFound

pytestmark = pytest.mark.django_db
GONE = {"category": "stay", "outcome": "deleted", "method": "row deleted, disks overwritten"}


@pytest.fixture
def brand(db: None) -> ClientWithKey:
    made = cast.make_client_with_key()
    cast.make_template(made.client.partner)
    return made


@pytest.fixture
def grant(pod, brand: ClientWithKey) -> Grant:
    items = [cast.make_item("stay"), cast.make_item("itinerary")]
    return cast.make_grant(pod, brand.client, items=items)


@pytest.fixture
def owed(grant: Grant) -> Obligation:
    return obliged(grant)[0]


def word(
    brand: ClientWithKey, owed: Obligation, *said: dict[str, Any], key: ECKey | None = None,
    header: dict[str, Any] | None = None, **changes: Any,
) -> str:  # fmt: skip
    """What the brand would send."""
    import json

    head = {"alg": "ES256", "typ": "attestation+jwt", "kid": brand.key.kid} | (header or {})
    claims = {
        "iss": brand.client.client_id,
        "aud": "http://127.0.0.1:8000",
        "iat": int(time.time()),
        "jti": uuid4().hex,
        "obligation": str(owed.pk),
        "outcomes": list(said),
    } | changes
    if isinstance(claims["iat"], timedelta):
        claims["iat"] = int(time.time() + claims["iat"].total_seconds())
    payload = json.dumps({k: v for k, v in claims.items() if v is not None})
    return jws.serialize_compact(head, payload.encode(), key or brand.key, algorithms=["ES256"])


def unchanged(owed: Obligation) -> bool:
    owed.refresh_from_db()
    return owed.attested_at is None and not Attestation.objects.exists()


def both(**changes: Any) -> list[dict[str, Any]]:
    return [GONE | changes, GONE | {"category": "itinerary"}]


def test_an_answer_about_everything_settles_the_obligation(
    brand: ClientWithKey, owed: Obligation
) -> None:
    state = attestations.attest(brand.client, owed, word(brand, owed, *both()))

    owed.refresh_from_db()
    assert owed.attested_at
    assert state["open_categories"] == []
    assert Entry.objects.filter(type="obligation.attested").count() == 1


def test_an_answer_about_a_part_leaves_the_rest_open(
    brand: ClientWithKey, owed: Obligation
) -> None:
    first = attestations.attest(brand.client, owed, word(brand, owed, GONE))
    assert first["open_categories"] == ["itinerary"]
    owed.refresh_from_db()
    assert owed.attested_at is None

    rest = {"category": "itinerary", "outcome": "never_stored"}
    attestations.attest(brand.client, owed, word(brand, owed, rest))

    owed.refresh_from_db()
    assert owed.attested_at


def test_the_very_same_answer_again_is_answered_and_counts_once(
    brand: ClientWithKey, owed: Obligation
) -> None:
    sent = word(brand, owed, *both())

    first = attestations.attest(brand.client, owed, sent)
    second = attestations.attest(brand.client, owed, sent)

    assert first == second
    assert Attestation.objects.count() == 1
    assert Entry.objects.filter(type="obligation.attested").count() == 1


def test_a_used_jti_with_other_words_is_refused(brand: ClientWithKey, owed: Obligation) -> None:
    attestations.attest(brand.client, owed, word(brand, owed, GONE, jti="once"))

    with pytest.raises(AttestationRefused, match="replayed"):
        attestations.attest(brand.client, owed, word(brand, owed, *both(), jti="once"))

    assert Attestation.objects.count() == 1


def test_an_answer_for_another_obligation_settles_neither(
    brand: ClientWithKey, owed: Obligation
) -> None:
    other = obliged(cast.make_grant(cast.make_pod(), brand.client))[0]
    sent = word(brand, other, GONE)

    with pytest.raises(AttestationRefused, match="other_obligation"):
        attestations.attest(brand.client, owed, sent)

    assert unchanged(owed)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iat": timedelta(minutes=-16)}, "stale"),
        ({"iat": timedelta(minutes=16)}, "stale"),
        ({"iat": None}, "moment_malformed"),
        ({"iat": "now"}, "moment_malformed"),
        ({"iat": True}, "moment_malformed"),
        ({"aud": "https://elsewhere.example"}, "audience_wrong"),
        ({"aud": ["http://127.0.0.1:8000"]}, "audience_wrong"),
        ({"iss": "somebody"}, "issuer_wrong"),
        ({"jti": None}, "jti_malformed"),
        ({"jti": ""}, "jti_malformed"),
        ({"jti": "x" * 129}, "jti_malformed"),
        ({"obligation": None}, "other_obligation"),
        ({"header": {"typ": "JWT"}}, "type_wrong"),
        ({"header": {"typ": "secevent+jwt"}}, "type_wrong"),
        ({"header": {"kid": "unknown"}}, "key_unknown"),
    ],
)
@pytest.mark.rule("consent.md", "8.3, P14")
def test_an_answer_that_is_not_for_here_and_now_changes_nothing(
    brand: ClientWithKey, owed: Obligation, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(AttestationRefused, match=reason):
        attestations.attest(brand.client, owed, word(brand, owed, *both(), **changes))

    assert unchanged(owed)
    assert Entry.objects.filter(type="obligation.refused").count() == 1


def test_an_answer_signed_by_somebody_else_changes_nothing(
    brand: ClientWithKey, owed: Obligation
) -> None:
    forged = word(brand, owed, *both(), key=ECKey.generate_key("P-256"))

    with pytest.raises(AttestationRefused, match="signature_wrong"):
        attestations.attest(brand.client, owed, forged)

    assert unchanged(owed)


def test_another_brands_own_answer_changes_nothing(brand: ClientWithKey, owed: Obligation) -> None:
    other = cast.make_client_with_key()

    with pytest.raises(AttestationRefused):
        attestations.attest(other.client, owed, word(other, owed, *both()))

    assert unchanged(owed)


@pytest.mark.parametrize("text", ["", "a.b.c", "....", "x" * 70_000, "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_signed_message_changes_nothing(
    brand: ClientWithKey, owed: Obligation, text: str
) -> None:
    with pytest.raises(AttestationRefused):
        attestations.attest(brand.client, owed, text)

    assert unchanged(owed)


def test_a_flood_of_forgeries_is_counted_and_not_written_out(
    brand: ClientWithKey, owed: Obligation
) -> None:
    for _ in range(5):
        with pytest.raises(AttestationRefused):
            attestations.attest(brand.client, owed, "a.b.c")

    assert Entry.objects.filter(type="obligation.refused").count() == 1
    assert Tally.objects.get().repeats == 4


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "anonymised", "method": "k-anonymity, k = 50"},
        {"outcome": "in_backup_until", "until": (timezone.now() + timedelta(days=80)).isoformat()},
        {"outcome": "never_stored"},
        {
            "outcome": "kept_by_law", "law": "kr-ecommerce-6-contract", "items": ["계약 기록"],
            "until": (timezone.now() + timedelta(days=4 * 365)).date().isoformat(),
        },
    ],
)  # fmt: skip
def test_each_of_the_outcomes_is_accepted(
    brand: ClientWithKey, owed: Obligation, said: dict[str, Any]
) -> None:
    attestations.attest(brand.client, owed, word(brand, owed, {"category": "stay"} | said))

    assert Attestation.objects.get().outcomes == [{"category": "stay"} | said]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"outcome": "deleted"}, "/outcomes/0/method"),
        ({"outcome": "deleted", "method": ""}, "/outcomes/0/method"),
        ({"outcome": "deleted", "method": "900101-1234567"}, "/outcomes/0/method"),
        ({"outcome": "lost"}, "/outcomes/0/outcome"),
        ({"outcome": ["deleted"]}, "/outcomes/0/outcome"),
        ({"outcome": "never_stored", "extra": 1}, "/outcomes/0"),
        ({"category": "workout", "outcome": "never_stored"}, "/outcomes/0/category"),
        ({"category": ["stay"], "outcome": "never_stored"}, "/outcomes/0/category"),
        ({"outcome": "in_backup_until"}, "/outcomes/0/until"),
        ({"outcome": "in_backup_until", "until": "soon"}, "/outcomes/0/until"),
        ({"outcome": "in_backup_until", "until": "2020-01-01"}, "/outcomes/0/until"),
        ({"outcome": "in_backup_until", "until": "9999-12-31"}, "/outcomes/0/until"),
        (
            {
                "outcome": "in_backup_until",
                "until": (timezone.now() + timedelta(days=91)).isoformat(),
            },
            "/outcomes/0/until",
        ),
        ({"outcome": "kept_by_law", "law": "because", "items": ["x"], "until": "2027-01-01"}, "/outcomes/0/law"),
        ({"outcome": "kept_by_law", "law": ["x"], "items": ["x"], "until": "2027-01-01"}, "/outcomes/0/law"),
        ({"outcome": "kept_by_law", "law": "kr-credit-20", "items": [], "until": "2027-01-01"}, "/outcomes/0/items"),
        ({"outcome": "kept_by_law", "law": "kr-credit-20", "items": ["x"], "until": "2999-01-01"}, "/outcomes/0/until"),
    ],
)  # fmt: skip
def test_a_genuine_answer_that_says_nothing_acceptable_says_where(
    brand: ClientWithKey, owed: Obligation, said: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(RequestInvalid) as refused:
        attestations.attest(brand.client, owed, word(brand, owed, {"category": "stay"} | said))

    assert pointer in [at for at, _ in refused.value.problems]
    assert unchanged(owed)


@pytest.mark.rule("PIPA", "Art. 24-2")
@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"outcome": "deleted", "method": "wiped 900101-1234567"}, "/outcomes/0/method"),
        (
            {
                "outcome": "kept_by_law",
                "law": "kr-credit-20",
                "items": ["invoice", "900101-1234567"],
                "until": "2027-01-01",
            },
            "/outcomes/0/items",
        ),
    ],
)
def test_a_resident_number_in_an_answer_is_refused_by_its_name(
    brand: ClientWithKey, owed: Obligation, said: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(RequestInvalid) as refused:
        attestations.attest(brand.client, owed, word(brand, owed, {"category": "stay"} | said))

    assert refused.value.problems == [(pointer, str(RRNFound.what))]


@pytest.mark.parametrize("said", [None, [], {}, "deleted", [1], [None]])
def test_outcomes_of_another_shape_are_refused(
    brand: ClientWithKey, owed: Obligation, said: Any
) -> None:
    with pytest.raises(RequestInvalid):
        attestations.attest(brand.client, owed, word(brand, owed, outcomes=said))


def test_an_answer_after_the_bar_lets_the_partner_ask_again(
    brand: ClientWithKey, owed: Obligation
) -> None:
    for stage in (1, 2):
        escalations.escalate_overdue(clocks.escalation_due(owed.opened_at, stage))
    partner = brand.client.partner
    partner.refresh_from_db()
    assert partner.requests_barred_at

    attestations.attest(brand.client, owed, word(brand, owed, *both()))

    partner.refresh_from_db()
    assert partner.requests_barred_at is None
    reasons = [b"requests-barred", b"requests-allowed"]
    changed = Entry.objects.filter(type="partner.changed").order_by("seq")
    assert all(why in bytes(one.leaf) for why, one in zip(reasons, changed, strict=True))


def test_an_abandoned_obligation_takes_no_answer(brand: ClientWithKey, owed: Obligation) -> None:
    Obligation.objects.update(abandoned_at=timezone.now())

    with pytest.raises(RequestInvalid):
        attestations.attest(brand.client, owed, word(brand, owed, *both()))


def test_every_law_that_is_shipped_says_what_it_keeps_and_for_how_long() -> None:
    for law in profiles.laws(profiles.names()).values():
        assert law["law"]
        assert law["items"]
        assert law["years"] > 0


@pytest.mark.rule("10.1: only profiles that bind this partner apply", "consent.md")
def test_a_law_of_another_country_keeps_nothing(brand: ClientWithKey, owed: Obligation) -> None:
    until = (timezone.now() + timedelta(days=365)).date().isoformat()
    kept = {"outcome": "kept_by_law", "law": "de-ao-147-books", "items": ["Buchungen"]}
    said = {"category": "stay", "until": until} | kept
    with pytest.raises(RequestInvalid):
        attestations.attest(brand.client, owed, word(brand, owed, said))
    assert unchanged(owed)

    Partner.objects.filter(pk=brand.client.partner_id).update(country="DE")
    again = Obligation.objects.get(pk=owed.pk)
    attestations.attest(brand.client, again, word(brand, owed, said))

    entry = Entry.objects.get(type="obligation.attested")
    assert b"de-ao-147-books" in bytes(entry.leaf)


def test_the_bar_is_put_once(brand: ClientWithKey) -> None:
    from django.db import transaction

    with transaction.atomic():
        bars.put(brand.client.partner_id, timezone.now())
        bars.put(brand.client.partner_id, timezone.now())

    assert Entry.objects.filter(type="partner.changed").count() == 1


@pytest.mark.rule("CDR Rules 2020", "1.18, 4.14")
def test_where_the_owner_chose_deletion_making_it_anonymous_does_not_settle_it(
    brand: ClientWithKey, owed: Obligation
) -> None:
    Obligation.objects.filter(pk=owed.pk).update(deletion_only=True)
    owed.refresh_from_db()
    anonymous = {"category": "itinerary", "outcome": "anonymised", "method": "k-anonymity"}

    with pytest.raises(RequestInvalid) as refused:
        attestations.attest(brand.client, owed, word(brand, owed, GONE, anonymous))

    ((at, what),) = refused.value.problems
    assert at == "/outcomes/1/outcome"
    assert what.endswith("deleted, in_backup_until, kept_by_law, never_stored")
    assert unchanged(owed)

    gone = GONE | {"category": "itinerary"}
    state = attestations.attest(brand.client, owed, word(brand, owed, GONE, gone))

    assert state["attested_at"]
    assert state["deletion_only"] is True


@pytest.mark.rule("consent.md", "7.3")
@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "in_backup_until", "until": (timezone.now() + timedelta(days=80)).isoformat()},
        {"outcome": "never_stored"},
        {
            "outcome": "kept_by_law", "law": "kr-ecommerce-6-contract", "items": ["계약 기록"],
            "until": (timezone.now() + timedelta(days=4 * 365)).date().isoformat(),
        },
    ],
)  # fmt: skip
def test_what_the_law_keeps_stays_possible_where_the_owner_chose_deletion(
    brand: ClientWithKey, owed: Obligation, said: dict[str, Any]
) -> None:
    Obligation.objects.filter(pk=owed.pk).update(deletion_only=True)
    owed.refresh_from_db()

    attestations.attest(brand.client, owed, word(brand, owed, {"category": "stay"} | said))

    assert Attestation.objects.get().outcomes == [{"category": "stay"} | said]
