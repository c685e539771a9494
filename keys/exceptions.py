"""What can be wrong with a key, as facts. No message names a value, a key or a person."""


class KeysError(Exception):
    """Keys are not usable."""


class Tampered(KeysError):
    """This does not open.

    Deliberately the same for a changed byte, a swapped row and a wrong key.
    """


class NeverHadAKey(KeysError):
    """There has never been a key here."""


class KeyErased(KeysError):
    """The key was destroyed, and what it opened is erased."""


class ProviderAway(KeysError):
    """The key provider does not answer at the moment."""


class GenerationGone(KeysError):
    """The wrapping generation no longer exists, as in a backup that is too old."""


class RootKeyMissing(KeysError):
    """The root key is not there."""


class RootKeyDestroyed(RootKeyMissing):
    """The root key was destroyed."""


class RootKeyWrong(KeysError):
    """This root key does not belong to this keyring."""


class KeyringForeign(KeysError):
    """This keyring does not belong to this database."""


class KeyringDamaged(KeysError):
    """The keyring cannot be read any more."""


class KeyFileExposed(KeysError):
    """A key file can be read by others on this machine."""


class EnvelopeKeyInvalid(KeysError):
    """This is no public key to seal answers to."""


class NotInTransaction(KeysError):
    """Keys change only inside a transaction, together with what they belong to."""
