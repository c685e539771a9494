"""A request link as a picture, for a brand to show on a screen or to print."""

import io

import segno

# M survives a scratch or a logo's corner; four modules of quiet around it are the standard's.
ERRORS = "m"
QUIET = 4


def svg(url: str) -> str:
    """Return an SVG document with the QR code of `url` (ISO/IEC 18004), scaled by its container."""
    written = io.BytesIO()
    segno.make(url, error=ERRORS, micro=False).save(
        written, kind="svg", border=QUIET, xmldecl=False, nl=False, omitsize=True, svgclass=None,
        lineclass=None, light="#fff",
    )  # fmt: skip
    return written.getvalue().decode()
