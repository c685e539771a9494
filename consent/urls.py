"""The partner's door: /api/v1/."""

from django.urls import path

from consent import bulk_views, journey_views, views

urlpatterns = [
    path("requests", views.RequestsView.as_view()),
    path("requests/reasons", views.ReasonsView.as_view()),
    path("requests/<uuid:request_id>", views.RequestView.as_view()),
    path("journeys", journey_views.JourneysView.as_view()),
    path("journeys/<uuid:journey_id>", journey_views.JourneyView.as_view()),
    path("grants/<uuid:grant_id>", views.GrantView.as_view()),
    path("reads", views.reads),
    path("reads/batch", bulk_views.batch_reads),
    path("changes", bulk_views.changes),
    path("contributions", views.ContributionsView.as_view()),
    path("contributions/bulk", bulk_views.BulkContributionsView.as_view()),
    path("events/poll", views.EventsView.as_view()),
    path("obligations", views.ObligationsView.as_view()),
    path("obligations/<uuid:obligation_id>/attestation", views.AttestationView.as_view()),
]
