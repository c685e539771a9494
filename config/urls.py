"""The whole URL map: the partner's door and the pages."""

from django.urls import include, path

from config.openapi import views
from config.urls_partner import urlpatterns as partner_urlpatterns

urlpatterns = [
    *partner_urlpatterns,
    path("about/api/", views.page, name="api"),
    path("account/", include("allauth.urls")),
    path("", include("portal.urls")),
]
