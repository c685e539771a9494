"""Who does something here, and through which door."""

from dataclasses import dataclass
from typing import TypedDict

from accounts.models import User
from consent.models import Client, Partner

# Who withdraws: the owner, or who acts in the owner's name (1.2).
OWNERS = frozenset({"owner", "guardian"})


class ActorFacts(TypedDict, total=False):
    """What a leaf says about an actor."""

    role: str
    partner: str
    client: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who acts: the owner, a partner's client, an operator, or the clock.

    `account` is the log reference of who signed in. It decides what an owner may touch, and
    stands in the leaf for everybody but owners: there it would join two grants of one person.
    """

    role: str  # "owner" | "partner" | "operator" | "guardian" | "regulator" | "system"
    channel: str  # "portal" | "api" | "command" | "clock"
    account: str | None = None
    partner: Partner | None = None
    client: Client | None = None
    ward: str | None = None  # the log reference of the owner in whose name a guardian acts

    @classmethod
    def owner(cls, user: User, channel: str = "portal") -> "Actor":
        """Return the person whose pod it is."""
        return cls(role="owner", channel=channel, account=user.ref)

    @classmethod
    def guardian(cls, user: User, ward: User, channel: str = "portal") -> "Actor":
        """Return somebody who acts in an owner's name; whether they may is checked before."""
        return cls(role="guardian", channel=channel, account=user.ref, ward=ward.ref)

    @classmethod
    def of_client(cls, client: Client) -> "Actor":
        """Return a partner that calls through one of its clients."""
        return cls(role="partner", channel="api", partner=client.partner, client=client)

    @classmethod
    def system(cls) -> "Actor":
        """Return the clock: nobody in particular."""
        return cls(role="system", channel="clock")

    @classmethod
    def operator(cls, user: User | None = None, channel: str = "command") -> "Actor":
        """Return somebody who acts for the house."""
        return cls(role="operator", channel=channel, account=user.ref if user else None)

    def acts_for(self, owner: User) -> bool:
        """Return whether this is the owner, or somebody who acts in the owner's name."""
        if self.role == "guardian":
            return self.ward == owner.ref
        return self.role == "owner" and self.account == owner.ref

    def facts(self) -> ActorFacts:
        """Return what a leaf says about this actor."""
        facts: ActorFacts = {"role": self.role}
        if self.partner is not None:
            facts["partner"] = self.partner.ref
        if self.client is not None:
            facts["client"] = self.client.ref
        if self.account is not None and self.role not in OWNERS:
            facts["account"] = self.account
        return facts
