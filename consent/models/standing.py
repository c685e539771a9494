"""What an owner decided once for all that comes later."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from consent.models.partners import Partner
from vault.models import Pod


class StandingRule(models.Model):
    """An owner takes no requests of a partner ("이 브랜드의 요청 받지 않기"). The partner never learns it."""

    pod = models.ForeignKey(Pod, models.CASCADE, related_name="rules")
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "consent_standingrule"
        constraints = (
            models.UniqueConstraint(
                fields=("pod", "partner"),
                condition=Q(removed_at=None),
                name="rule_is_one_at_a_time",
            ),
        )

    def __str__(self) -> str:
        return f"rule about {self.partner_id}"
