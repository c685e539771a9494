"""make bench ONLY=read [QUICK=1], and the same for bulk, revocation and timing"""

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "var" / "bench"
# Each has a database, a keyring and an anchor of its own.
DATABASES = {
    "read": "vault_bench", "bulk": "vault_bench_bulk", "revocation": "vault_bench_revocation",
    "timing": "vault_bench_timing",
}  # fmt: skip


def environment(only: str) -> None:
    """Point this process and all it starts at the bench's own database, keyring and anchor."""
    url = os.environ.get("DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
    server, _, _ = url.rpartition("/")
    var = RESULTS if only == "read" else RESULTS / only
    var.mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "BENCH_ADMIN_URL": url,
        "BENCH_DATABASE": DATABASES[only],
        "BENCH_RESULTS": str(RESULTS),
        "DATABASE_URL": f"{server}/{DATABASES[only]}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAULT_VAR": str(var),
        "VAULT_FACE": "all" if only == "timing" else "partner",
        "VAULT_LOG_LEVEL": "WARNING",
        "VAULT_CATEGORIES": str(_categories(var)),
        "VAULT_CONTRIBUTIONS_PER_DAY": "1000000000",
        "VAULT_PARTNER_RATE": "1000000000",
    }


def main() -> int:
    """Run one bench, or all of them."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("only", nargs="?", choices=tuple(DATABASES))
    parser.add_argument("--quick", action="store_true", help="finish within three minutes")
    parser.add_argument("--fresh", action="store_true", help="make the data set anew")
    asked = parser.parse_args()
    if asked.only is None:
        # A process each: settings are read once.
        each = [sys.executable, "-m", "bench"]
        return max(subprocess.call([*each, only, *sys.argv[1:]]) for only in DATABASES)
    environment(asked.only)
    from bench import conditions

    missing = conditions.missing()
    if missing:
        print(f"bench needs {missing}.", file=sys.stderr)
        return 1
    import django

    conditions.make_database()
    django.setup()
    bench = importlib.import_module(f"bench.{asked.only}")
    return bench.run(quick=asked.quick, fresh=asked.fresh)


def _categories(var: Path) -> Path:
    from bench import profiles

    profiles.write(var / "categories")
    return var / "categories"


if __name__ == "__main__":
    sys.exit(main())
