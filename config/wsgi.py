"""What the web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

# After Django is set up: the gate asks the database.
from django.conf import settings  # noqa: E402

from config.direct import Direct  # noqa: E402
from config.gate import Gate  # noqa: E402

# A sandbox says in every answer that it is one, which is for the usual way to do.
_has_short_way = settings.FACE == "partner" and not settings.SANDBOX
application = Gate(Direct(_django) if _has_short_way else _django)
