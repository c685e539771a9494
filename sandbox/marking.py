"""Says on everything that leaves a sandbox that it is one: on each page, and in each answer's headers."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.templatetags.static import static

HEADER = "Consent-Vault-Sandbox"
# In both languages; the style leaves the one of the page.
BANNER = """
<link rel="stylesheet" href="{style}">
<p class="sandbox" role="note"><strong>SANDBOX</strong>
<span lang="ko">연습용 금고예요. 여기 있는 고객과 브랜드는 모두 지어냈어요. 진짜 정보를 넣지 마세요.</span>
<span lang="en">A vault for practice. All customers and brands here are invented. Put nothing real in.</span></p>
"""


class Marked:
    """Marks whatever the vault answers. Only where `SANDBOX` is set."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, with the header, and with the banner where it is a page."""
        response = self.get_response(request)
        response[HEADER] = "1"
        if isinstance(response, HttpResponse) and _is_page(response):
            _put_banner(response)
        return response


def _is_page(response: HttpResponse) -> bool:
    return response.get("Content-Type", "").startswith("text/html") and b"<body" in response.content


def _put_banner(response: HttpResponse) -> None:
    page = response.content.decode()
    start, body, rest = page.partition("<body")
    attributes, end, inside = rest.partition(">")
    banner = BANNER.format(style=static("sandbox/banner.css"))
    response.content = (start + body + attributes + end + banner + inside).encode()
    if "Content-Length" in response:
        response["Content-Length"] = str(len(response.content))
