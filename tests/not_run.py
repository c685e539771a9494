"""Says by name which tests did not run here, and fails where everything had to run.

`postgres` tests need row locks, `services` tests a broker and a cache, `browser` tests Chromium.
With VAULT_TEST_SERVICES=1 (`make test-services`) a test that does not run is a failure.
"""

import os
import shutil

import pytest
from django.conf import settings

EVERYTHING = os.environ.get("VAULT_TEST_SERVICES") == "1"


def _missing() -> dict[str, str]:
    """Return marker → why tests with it cannot run here."""
    missing = {}
    if "postgresql" not in settings.DATABASES["default"]["ENGINE"]:
        missing["postgres"] = "needs PostgreSQL (make test-services)"
    if not EVERYTHING:
        missing["services"] = "needs RabbitMQ and Redis (make test-services)"
    if not shutil.which("chromium"):
        missing["browser"] = "needs Chromium"
    return missing


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run here, with the reason."""
    missing = _missing()
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name every test that was not run."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.section("not run here")
    for report in sorted(skipped, key=lambda report: report.nodeid):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"{report.nodeid}  {reason.removeprefix('Skipped: ')}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a run that left something out into a failure where everything had to run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if EVERYTHING and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
