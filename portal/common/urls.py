"""URLs that need no sign-in."""

from django.urls import path

from portal.common import views

urlpatterns = [
    path("language/", views.language, name="language"),
    path("privacy/", views.privacy, name="privacy"),
    path("privacy/officer/", views.officer, name="officer"),
    path("help/", views.person, name="person"),
    path("about/limits/", views.limits, name="limits"),
]
