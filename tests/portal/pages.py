"""Every page of the portal that one can open, by name, with the objects of a world."""

from tests.portal.conftest import World

PUBLIC = (
    "/privacy/",
    "/privacy/officer/",
    "/help/",
    "/about/limits/",
    "/about/api/",
    "/link/",
    "/account/login/",
    "/account/signup/",
    "/account/password/reset/",
)


def own(world: World) -> dict[str, str]:
    """Return the pages about one's own things, by name."""
    grant, asked, record = world.grant.pk, world.request.pk, world.record.pk
    item = world.grant.items.first()
    assert item is not None
    return {
        "request": f"/requests/{asked}/",
        "confirm": f"/requests/{asked}/confirm/",
        "refuse": f"/requests/{asked}/refuse/",
        "done": f"/requests/{world.decided.pk}/done/",
        "decided": f"/requests/{world.decided.pk}/",
        "grant": f"/grants/{grant}/",
        "notice": f"/grants/{grant}/notice/",
        "end": f"/grants/{grant}/end/",
        "end item": f"/grants/{grant}/items/{item.pk}/end/",
        "ended": f"/grants/{world.ended.pk}/",
        "record": f"/data/records/{record}/",
        "change": f"/data/records/{record}/change/",
        "delete": f"/data/records/{record}/delete/",
    }


def general() -> tuple[str, ...]:
    """Return the pages that everybody with a pod has."""
    return (
        "/",
        "/requests/",
        "/activity/",
        "/activity/?show=refused",
        "/data/",
        "/data/stay/",
        "/data/stay/add/",
        "/data/import/",
        "/settings/",
        "/settings/messages/",
        "/data/erase/",
        "/settings/blocked/",
        "/ended/",
        "/end/",
        "/account/logout/",
        "/account/email/",
        "/account/password/change/",
        "/account/2fa/",
        "/account/2fa/webauthn/",
        "/account/sessions/",
    )
