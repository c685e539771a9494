"""Day before month, and a clock of 24 hours: nothing to misread for anybody."""

DATE_FORMAT = "j F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j F Y, H:i"
