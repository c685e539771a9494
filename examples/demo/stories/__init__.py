"""The stories of the demo, in the order in which they are lived: each a `live(scene)`."""

from dataclasses import dataclass

from examples.demo.person import Person
from examples.demo.report import Report
from examples.demo.world import World


@dataclass
class Scene:
    """Where a story happens, who is there, and who writes it down."""

    world: World
    report: Report
    seoyeon: Person
    emma: Person
