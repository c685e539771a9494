"""What an owner says to each brand of a journey: yes with choices, no, or later. Nothing is picked."""

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from portal.customer.forms.choices import ChoicesForm, Draft
from portal.customer.journeys import Part

YES, NO, LATER = "yes", "no", "later"


class StopForm(ChoicesForm):
    """One brand's block: the answer, and the choices that count with a yes."""

    answer = forms.ChoiceField(
        label=_("Your decision"),
        choices=(
            (YES, _("Share with this brand")),
            (NO, _("Refuse")),
            (LATER, _("Decide later")),
        ),
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, part: Part, data: QueryDict | None) -> None:
        super().__init__(part.asked, data, prefix=f"stop{part.stop.order}")
        self.part = part

    def clean(self) -> dict[str, Any]:
        """Check the choices only where they will be used."""
        return super().clean() if self.says(YES) else self.cleaned_data

    def says(self, answer: str) -> bool:
        """Return whether this is the answer that was picked."""
        return bool(self.cleaned_data.get("answer") == answer)

    def kept(self) -> Draft | None:
        """Return what a session keeps: the choices, or None for a no."""
        return self.draft() if self.says(YES) else None
