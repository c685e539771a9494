"""What an owner decided once for all that comes later."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from consent.models.partners import Partner
from vault.models import Pod


class StandingRuleQuerySet(models.QuerySet["StandingRule"]):
    """Sets of rules."""

    def of(self, pod: Pod) -> Self:
        """Return the rules that stand for this pod."""
        return self.filter(pod=pod, removed_at=None)


class StandingRule(models.Model):
    """An owner takes no requests of a partner, for a purpose, or that would read a category.

    Exactly one of the three. No partner ever learns of it.
    """

    pod = models.ForeignKey(Pod, models.CASCADE, related_name="rules")
    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="+")
    purpose = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=64, blank=True)
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True)

    objects = StandingRuleQuerySet.as_manager()

    class Meta:
        db_table = "consent_standingrule"
        constraints = (
            models.UniqueConstraint(
                fields=("pod", "partner"),
                condition=Q(removed_at=None),
                name="rule_is_one_at_a_time",
            ),
            models.UniqueConstraint(
                fields=("pod", "purpose", "category"),
                condition=Q(removed_at=None, partner=None),
                name="rule_about_data_is_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=(
                    Q(partner__isnull=False, purpose="", category="")
                    | (Q(partner=None, category="") & ~Q(purpose=""))
                    | (Q(partner=None, purpose="") & ~Q(category=""))
                ),
                name="rule_is_about_one_thing",
            ),
        )

    def __str__(self) -> str:
        return f"rule {self.pk}"
