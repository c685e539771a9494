"""What can go wrong in the log. Facts, one base; the first line of each is its public title."""


class AuditError(Exception):
    """The log refused."""


class NotInTransaction(AuditError):
    """An entry can only be appended inside the transaction of what it tells."""


class LeafRefused(AuditError):
    """A leaf may not hold this.

    The message names the field and never repeats the value.
    """


class UnknownEntryType(LeafRefused):
    """The type of this entry is not in the registry (audit/types.py)."""


class LinksPeople(LeafRefused):
    """This combination of references would join two grants of one person."""


class LeafMalformed(AuditError):
    """These bytes are no leaf."""


class LogIsAppendOnly(AuditError):
    """Entries of the log are never changed or removed."""


class ProofWrong(AuditError):
    """The proof does not prove it."""


class NoteMalformed(AuditError):
    """This is no signed note."""


class NoteUnverified(AuditError):
    """None of the signatures on this note is by a key that we know."""


class SignatureWrong(AuditError):
    """A signature that claims to be by a known key is not."""


class DatabaseBehindAnchor(AuditError):
    """The database knows less of the log than was already signed."""


class LogForked(AuditError):
    """The database's log is not a continuation of what was already signed."""


class LogShrank(DatabaseBehindAnchor):
    """The log became shorter while this process was running."""


class AnchorMoved(AuditError):
    """Somebody else has signed a newer checkpoint in the meantime."""


class LogChanged(AuditError):
    """What the database holds is not what was signed."""


class NotSequencedYet(AuditError):
    """The entry has no place in the tree yet."""


class AnchorMissing(AuditError):
    """The anchor is empty although checkpoints were published."""


class NoCheckpointYet(AuditError):
    """No checkpoint over this export has been published yet."""


class RangeOutsideLog(AuditError):
    """The log has no such range."""


class ExportExists(AuditError):
    """There is something at this place already."""


class VerifierFailed(AuditError):
    """The verifier could not read the bundle that was just made."""
