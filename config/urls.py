"""The whole URL map: the partner's door and the pages."""

from django.urls import include, path

from config.urls_partner import urlpatterns as partner_urlpatterns

urlpatterns = [
    *partner_urlpatterns,
    path("account/", include("allauth.urls")),
    path("", include("portal.urls")),
]
