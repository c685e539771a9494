"""The partner's door alone, for the process with slim middleware."""

from django.urls import URLPattern, URLResolver, include, path

from config.openapi import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("consent.oauth.urls")),
    path("api/v1/", include("consent.urls")),
    path("api/v1/openapi.json", views.description, name="openapi"),
]

# This process has no pages: without these, an unknown path would render the portal's.
handler400 = handler403 = handler404 = handler500 = "config.handlers.error_page"
