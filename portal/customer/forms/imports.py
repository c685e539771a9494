"""What a customer says about a file to bring in."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ImportForm(forms.Form):
    """A file, and what to do with what does not fit."""

    file = forms.FileField(
        label=_("File"),
        help_text=_(
            "A GPX track, an iCalendar file (.ics), a table (.csv, .json), or a .zip of these."
        ),
    )
    mapping = forms.FileField(
        label=_("Mapping file"),
        required=False,
        help_text=_("Only for tables: says which column is what."),
    )
    on_error = forms.ChoiceField(
        label=_("If some records do not fit"),
        widget=forms.RadioSelect,
        initial="skip",
        choices=[
            ("skip", _("Bring in the good ones and list the rest")),
            ("stop", _("Bring in nothing")),
        ],
    )
    mask = forms.BooleanField(
        label=_("Cover resident registration numbers"),
        required=False,
        help_text=_("Otherwise records that hold one are left out: they may not be kept."),
    )
