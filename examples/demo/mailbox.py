"""The mails that the vault wrote into its folder: what somebody finds in the inbox."""

import email
import email.policy
import re
from dataclasses import dataclass
from pathlib import Path

CODE = re.compile(r"^[A-Z0-9]{3,6}-?[A-Z0-9]{3,6}$", re.MULTILINE)
_BETWEEN = re.compile(rb"^-{70,}\n", re.MULTILINE)


@dataclass(frozen=True)
class Mail:
    """One mail."""

    to: str
    subject: str
    text: str

    @property
    def code(self) -> str:
        """Return the confirmation code in it. Raises `LookupError`."""
        found = CODE.search(self.text)
        if found is None:
            raise LookupError("this mail has no code in it")
        return found.group()


def of(folder: Path, address: str) -> list[Mail]:
    """Return the mails to an address, the oldest first."""
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
    mails = [mail for path in files for mail in _read(path.read_bytes())]
    return [mail for mail in mails if mail.to == address]


def _read(data: bytes) -> list[Mail]:
    mails = []
    # What stands behind the last line of dashes is a mail that is still being written.
    for part in _BETWEEN.split(data)[:-1]:
        if not part.strip():
            continue
        message = email.message_from_bytes(part.lstrip(b"\n"), policy=email.policy.default)
        body = message.get_body(("plain",))
        text = body.get_content() if body else ""
        mails.append(Mail(str(message["To"]), str(message["Subject"]), text))
    return mails
