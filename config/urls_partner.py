"""The partner's door alone, for the process with slim middleware."""

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("consent.oauth.urls")),
    path("api/v1/", include("consent.urls")),
]

# This process has no pages: without these, an unknown path would render the portal's.
handler400 = handler403 = handler404 = handler500 = "config.errors.error_page"
