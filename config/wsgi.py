"""What the web server loads."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()

# After Django is set up: the gate asks the database.
from config.gate import Gate  # noqa: E402

application = Gate(_django)
