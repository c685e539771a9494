"""What the decision layer remembers: partners, requests, grants, obligations."""

from consent.models.alliances import Alliance, Journey, JourneyQuerySet, Membership, Stop
from consent.models.authorizations import AuthorizationCode, PushedRequest, RefreshToken
from consent.models.channels import Channel, Fold
from consent.models.contributions import Contribution, ContributionUse
from consent.models.erasures import Erasure
from consent.models.grants import (
    Grant,
    GrantActivity,
    GrantItem,
    GrantQuerySet,
    GrantUse,
    NoticePin,
    SpentRepeat,
)
from consent.models.letters import Letter, LetterWish
from consent.models.obligations import Abandonment, Attestation, Delivery, Obligation
from consent.models.pairs import Pair
from consent.models.partners import (
    AccessToken,
    Client,
    Partner,
    PurposeTemplate,
    SeenAssertion,
)
from consent.models.registrations import RegistrationToken
from consent.models.requests import AccessRequest, LinkTry, RequestItem, RequestLink
from consent.models.standing import StandingRule

__all__ = [
    "Abandonment",
    "AccessRequest",
    "AccessToken",
    "Alliance",
    "Attestation",
    "AuthorizationCode",
    "Channel",
    "Client",
    "Contribution",
    "ContributionUse",
    "Delivery",
    "Erasure",
    "Fold",
    "Grant",
    "GrantActivity",
    "GrantItem",
    "GrantQuerySet",
    "GrantUse",
    "Journey",
    "JourneyQuerySet",
    "Letter",
    "LetterWish",
    "LinkTry",
    "Membership",
    "NoticePin",
    "Obligation",
    "Pair",
    "Partner",
    "PurposeTemplate",
    "PushedRequest",
    "RefreshToken",
    "RegistrationToken",
    "RequestItem",
    "RequestLink",
    "SeenAssertion",
    "SpentRepeat",
    "StandingRule",
    "Stop",
]
