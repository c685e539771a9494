"""Where brands knock."""

from django.urls import path

from consent.oauth import views

urlpatterns = [
    path("oauth/token", views.token, name="oauth-token"),
    path("oauth/par", views.push, name="oauth-par"),
    path("oauth/introspect", views.introspect, name="oauth-introspect"),
    path("oauth/register", views.register, name="oauth-register"),
    path("oauth/revoke", views.revoke, name="oauth-revoke"),
    path(".well-known/oauth-authorization-server", views.authorization_server),
    path(".well-known/oauth-protected-resource", views.protected_resource),
    path(".well-known/jwks.json", views.jwk_set),
]
