"""What a crash may leave behind: a line in the log, never the memory of the process.

A core file holds keys and opened values in clear, lies where nobody looks, and outlives erasure.
"""

import resource


def forbid_core_files() -> None:
    """Let this process and its children write no core file, whatever the shell or unit allowed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
