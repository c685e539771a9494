"""The vault's own application, as it is in production, with one route more."""

from config.wsgi import application  # noqa: I001  # it sets Django up, for what comes after it

from bench.beside import Beside
from config.urls_partner import urlpatterns
from django.urls import path

urlpatterns.append(path("beside", Beside.as_view()))
__all__ = ["application"]
