"""The portal's URL map."""

from django.urls import include, path

urlpatterns = [
    path("", include("portal.common.urls")),
    path("", include("portal.customer.urls")),
]
