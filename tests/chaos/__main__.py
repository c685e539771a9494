"""make chaos SEED=7 [QUICK=1]: a seeded storm on services of its own; exit 0 only if all held."""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos import brokers, plan, servers, storm
from tests.chaos.storm import Outcome, console
from tests.consent.revocation.test_kill import POINTS


def main() -> int:
    """Run one storm."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="within five minutes")
    asked = parser.parse_args()
    try:
        brokers.need()
    except servers.Missing as missing:
        print(missing)
        return 1
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    planned = plan.make(seed, quick=asked.quick)
    again = f"make chaos SEED={seed}" + (" QUICK=1" if asked.quick else "")
    count = sum(planned.kinds.values())
    console.print(f"{again}: {count} faults in {planned.lasting:.0f} s of storm")
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    began = time.monotonic()
    outcome = storm.run(planned, directory)
    console.print(f"all of it took {time.monotonic() - began:.0f} s")
    return _verdict(seed, again, planned, outcome, directory)


def _verdict(seed: int, again: str, planned: plan.Storm, outcome: Outcome, directory: Path) -> int:
    kinds = ", ".join(f"{count} {kind}" for kind, count in planned.kinds.items())
    injected = f"injected {kinds} ({outcome.reached} of {len(POINTS)} points reached)"
    if outcome.broken:
        for name, problems in outcome.broken.items():
            for problem in problems[:5]:
                console.print(f"[red]{name}[/red]: ", end="")
                console.print(problem, markup=False)
        console.print(f"what the processes said: {directory / 'vault' / 'processes.log'}")
        print(f"chaos seed {seed}: {injected}; BROKEN: {', '.join(outcome.broken)}; again: {again}")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    calm = " and ".join(f"{rest.goes_on:.1f} s" for rest in outcome.rests)
    told = " and ".join(f"{rest.all_told:.1f} s" for rest in outcome.rests)
    print(
        f"chaos seed {seed}: {injected}; held: I1 log verifies, I2 no read after an end,"
        " I3 entries = answers, I4 everything owed is known, I5 canary nowhere,"
        f" work goes on after {calm} <= {storm.RECOVERS_WITHIN:.0f} s, all told after {told}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
