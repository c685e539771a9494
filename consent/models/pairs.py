"""The name under which one partner knows one owner, and nobody else does."""

from django.db import models

from consent.models.partners import Partner
from consent.models.references import random_reference
from vault.models import Pod


class Pair(models.Model):
    """A pairwise id: random, so two brands that compare theirs learn nothing (5.6)."""

    partner = models.ForeignKey(Partner, models.PROTECT, related_name="pairs")
    pod = models.ForeignKey(Pod, models.CASCADE, related_name="pairs")
    pairwise = models.CharField(max_length=32, default=random_reference, editable=False)

    class Meta:
        db_table = "consent_pair"
        constraints = (
            models.UniqueConstraint(fields=("partner", "pod"), name="pair_is_unique"),
            models.UniqueConstraint(fields=("partner", "pairwise"), name="pairwise_is_unique"),
        )

    def __str__(self) -> str:
        return f"pair of {self.partner_id}"
