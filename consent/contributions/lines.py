"""A stream of bytes as lines, in constant memory."""

from collections.abc import Callable, Iterator

BLOCK = 64 * 1024


def split(read: Callable[[int], bytes], longest: int) -> Iterator[bytes | None]:
    """Yield the lines of a stream without their ends; blank ones are none.

    `None` stands for a line of more than `longest` bytes, which is read over, never kept.
    """
    rest, skipping = b"", False
    while block := read(BLOCK):
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if skipping:
                skipping = False
            elif len(line) > longest:
                yield None
            elif line and not line.isspace():
                yield line
        if len(rest) > longest and not skipping:
            skipping = True
            yield None
        if skipping:
            rest = b""
    if rest and not rest.isspace():
        yield rest
