"""Live through the main stories over real HTTP: python -m examples.demo [--once].

Everything is made fresh in var/demo and runs on this machine's loopback: a vault, four servers
with nine brands, two customers. Without --once the pages stay open at the end.
"""

import argparse
import fcntl
import signal
import sys
import time

from examples.demo import proof
from examples.demo.processes import ROOT
from examples.demo.report import NotAsExpected, Report, console, need
from examples.demo.stories import (
    Scene,
    airport_day,
    broken_trust,
    hotel_group,
    journey,
    ride_and_after,
)
from examples.demo.world import World

FOLDER = ROOT / "var" / "demo"
STORIES = (airport_day, journey, hotel_group, ride_and_after, broken_trust)


def main() -> int:
    """Run, and say in the last line how it went."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the verification")
    asked = parser.parse_args()
    for name in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, signal.default_int_handler)
    FOLDER.parent.mkdir(exist_ok=True)
    with FOLDER.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another demo is open; end it first, for this one begins by removing its folder.")
            print("demo: failed", flush=True)
            return 1
        return _run(once=asked.once)


def _run(*, once: bool) -> int:
    world = World(FOLDER)
    report = Report(FOLDER / "report.json")
    try:
        scene = _live(world, report)
        report.write()
        if not once:
            _keep_open(scene)
    except KeyboardInterrupt:
        console.print("\nEnded.")
        return 0 if report.verified else 130
    except Exception as error:  # noqa: BLE001 - whatever it was, the demo failed by it
        report.write()
        _say_why(error, world)
        world.close()
        print("demo: failed", flush=True)
        return 1
    finally:
        world.close()
    print("demo: ok", flush=True)
    return 0


def _live(world: World, report: Report) -> Scene:
    began = time.monotonic()
    report.story("A vault of its own on this machine")
    with report.step("keys, database, and the brands' own keys"):
        world.prepare()
    with report.step("the vault serves; its operator registers nine brands"):
        world.open()
    scene = Scene(world, report, world.person("seoyeon"), world.person("emma"))
    for story in STORIES:
        story.live(scene)
    report.story("The proof")
    _verify(world, report)
    console.print(f"\n{len(report.steps)} steps in {time.monotonic() - began:.1f} s")
    return scene


def _verify(world: World, report: Report) -> None:
    export = world.vault.folder / "export.zip"
    with report.step("the operator exports the whole log"):
        need("Verified" in world.export(export), "an export that verifies")
    with report.step(
        "verify.py checks it alone: standard library only, isolated from everything here"
    ):
        verdict = proof.check(export, kept=world.vault.checkpoint)
        need(verdict.holds, f"a verdict without findings, not {verdict.said}")
        report.verified = True
        report.checkpoint_size = verdict.size
    with report.step("one refusal rewritten, and it does not verify"):
        need(not proof.check(proof.rewritten(export)).holds, "that verify.py objects")


def _say_why(error: Exception, world: World) -> None:
    kind = "" if isinstance(error, NotAsExpected) else f"{type(error).__name__}: "
    console.print(f"\n{kind}{error}", markup=False)
    console.print(f"Logs: {world.vault.process.log} and {world.vault.folder / 'brands'}/*.log")


def _keep_open(scene: Scene) -> None:
    console.print(f"\nThe vault stays open at {scene.world.vault.origin}")
    for person in (scene.seoyeon, scene.emma):
        console.print(f"  {person.address}   password: {person.password}", markup=False)
    console.print("Ctrl-C ends it.")
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
