"""After a run: everything that was answered stands in the log, and the log holds."""

from rich.console import Console

from audit import sequencer
from audit.models import LogState, Pending


def holds(console: Console) -> bool:
    """Sequence what is pending, then verify the whole log as `manage.py verify_log` does."""
    from django.core.management import CommandError, call_command

    with console.status("sequencing") as status:
        while sequencer.sequence_once():
            status.update(f"sequencing, {Pending.objects.count():,} left")
        sequencer.publish()
    console.print(f"log: {LogState.objects.get().size:,} entries")
    try:
        call_command("verify_log")
    except (CommandError, SystemExit) as error:
        console.print(f"the log does not verify: {error}")
        return getattr(error, "code", 1) == 0
    return True
