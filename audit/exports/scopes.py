"""Whose details an export discloses. Leaves are always all in it: that is what completeness is."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from audit.models import Detail


@dataclass(frozen=True, slots=True)
class Scope:
    """The entries whose details are opened: those about these persons or grants, or all."""

    everything: bool = False
    persons: tuple[str, ...] = ()
    grants: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is disclosed."""
        return not (self.everything or self.persons or self.grants)

    def details(self) -> QuerySet[Detail]:
        """Return the details in scope."""
        if self.everything:
            return Detail.objects.all()
        return Detail.objects.filter(Q(person__in=self.persons) | Q(grant_ref__in=self.grants))

    def described(self) -> dict[str, object]:
        """Return it for the manifest. Persons are counted and not named."""
        return {
            "everything": self.everything,
            "persons": len(self.persons),
            "grants": sorted(self.grants),
        }


NOTHING = Scope()
ALL = Scope(everything=True)
