"""python -m tests.chaos.skewed SECONDS MODULE …: run a module with a clock that is so far off.

Only this process's wall clock; the monotonic one and the database's stay as they are, as they do
on a machine whose clock somebody set wrong.
"""

import datetime as moments
import runpy
import sys
import time
from typing import Any

_true_time, _TrueMoment = time.time, moments.datetime


def main() -> None:
    """Set the clock, then be the module."""
    _, seconds, module, *rest = sys.argv
    _set(float(seconds))
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _set(seconds: float) -> None:
    off = moments.timedelta(seconds=seconds)

    class Same(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, _TrueMoment)

    class Moment(_TrueMoment, metaclass=Same):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return _TrueMoment.now(tz) + off

        @classmethod
        def utcnow(cls) -> Any:
            return _TrueMoment.now(moments.UTC).replace(tzinfo=None) + off

    moments.datetime = Moment  # type: ignore[misc]
    time.time = lambda: _true_time() + seconds


if __name__ == "__main__":
    main()
