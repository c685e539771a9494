"""Copies words, limits and lists of verify.py into verify.html, so that both say the same.

    python3 audit/verify/words.py

A test fails where this was forgotten.
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import verify

PAGE = Path(__file__).parent / "verify.html"
BLOCK = re.compile(r'(<script type="application/json" id="words">).*?(</script>)', re.DOTALL)


def words():
    """Return what the page needs of verify.py, as JSON."""
    sets = {
        "fields": verify.FIELDS, "references": verify.REFERENCES, "counts": verify.COUNTS,
        "ends": verify.ENDS, "stops": verify.STOPS, "narrows": verify.NARROWS,
        "partner_stops": verify.PARTNER_STOPS, "erasing": verify.ERASING,
        "after_erasure": verify.AFTER_ERASURE,
    }  # fmt: skip
    limits = {
        "leaf": verify.LEAF_LIMIT, "kept_ids": verify.KEPT_IDS,
        "silence_warning": verify.SILENCE_WARNING, "silence_finding": verify.SILENCE_FINDING,
        "backwards_warning": verify.BACKWARDS_WARNING,
        "backwards_finding": verify.BACKWARDS_FINDING,
    }  # fmt: skip
    found = {
        "checks": verify.CHECKS, "findings": verify.FINDINGS, "texts": verify.TEXTS,
        "sets": {name: sorted(each) for name, each in sets.items()},
        "actions": verify.ACTIONS, "limits": limits, "needed": list(verify.NEEDED),
    }  # fmt: skip
    return json.dumps(found, ensure_ascii=False, indent=1)


def with_words(page):
    """Return the page with the words of today."""
    return BLOCK.sub(lambda old: f"{old[1]}\n{words()}\n{old[2]}", page)


if __name__ == "__main__":
    PAGE.write_text(with_words(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
