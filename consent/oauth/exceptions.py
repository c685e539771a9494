"""Why a knock was not answered. The reason is for our log and metrics; outside all look alike."""

from enum import StrEnum

from consent.exceptions import ConsentError, TokenRefused
from consent.models import Client


class Reason(StrEnum):
    """One code per way to fail, so that an operator can tell a clock from a forgery."""

    MISSING = "assertion_missing"
    PARAMETERS = "parameters_wrong"
    GRANT_TYPE = "grant_type_unknown"
    OTHER_METHOD = "other_method"
    MALFORMED = "assertion_malformed"
    TOO_LARGE = "too_large"
    TYPE = "type_wrong"
    ALGORITHM = "algorithm_wrong"
    HEADER = "header_forbidden"
    UNKNOWN_KEY = "key_unknown"
    SIGNATURE = "signature_wrong"
    UNKNOWN_CLIENT = "client_unknown"
    CLIENT_MISMATCH = "client_mismatch"
    ISSUER = "issuer_wrong"
    SUBJECT = "subject_wrong"
    AUDIENCE = "audience_wrong"
    EXPIRY_MISSING = "expiry_missing"
    EXPIRED = "expired"
    TOO_LONG = "life_too_long"
    NOT_YET = "not_yet_valid"
    MOMENT = "moment_malformed"
    JTI = "jti_malformed"
    REPLAYED = "replayed"
    CLIENT_REVOKED = "client_revoked"
    PARTNER_SUSPENDED = "partner_suspended"
    PARTNER_DEREGISTERED = "partner_deregistered"
    TOO_MANY = "too_many_failures"
    LEVEL = "level_too_low"
    # Registration (RFC 7591)
    INVITATION = "registration_token_unknown"
    METADATA = "metadata_invalid"
    # Pushed requests (RFC 9126)
    REQUEST_OBJECT = "request_object"
    REQUEST_URI_SENT = "request_uri_sent"
    CLIENT_MISSING = "client_id_missing"
    RESPONSE_TYPE = "response_type_wrong"
    RESPONSE_MODE = "response_mode_wrong"
    REDIRECT = "redirect_not_registered"
    STATE = "state_malformed"
    CHALLENGE = "challenge_missing"
    CHALLENGE_METHOD = "challenge_method_wrong"
    SCOPE = "scope_unknown"
    RESOURCE = "resource_unknown"
    DETAILS = "details_invalid"
    RULE = "details_against_rule"
    BARRED = "requests_barred"
    JKT = "dpop_jkt_malformed"
    JKT_MISMATCH = "dpop_jkt_mismatch"
    ACTION = "grant_action_wrong"
    GRANT_ID = "grant_id_wrong"
    # The browser's way (RFC 6749, 4.1)
    FRONT_CHANNEL = "front_channel_malformed"
    REQUEST_URI = "request_uri_unknown"
    REQUEST_URI_OVER = "request_uri_over"
    REQUEST_URI_CLIENT = "request_uri_of_another"
    ANSWERED = "already_answered"
    # Codes and refresh tokens
    CODE = "code_unknown"
    CODE_REUSED = "code_reused"
    CODE_EXPIRED = "code_expired"
    CODE_CLIENT = "code_of_another"
    CODE_REDIRECT = "code_redirect_mismatch"
    VERIFIER = "verifier_wrong"
    CODE_KEY = "code_key_mismatch"
    GRANT_OVER = "grant_over"
    REFRESH = "refresh_unknown"
    REFRESH_CLIENT = "refresh_of_another"
    # Proofs of possession (RFC 9449)
    PROOF_MISSING = "proof_missing"
    PROOF_MALFORMED = "proof_malformed"
    PROOF_TYPE = "proof_type_wrong"
    PROOF_ALGORITHM = "proof_algorithm_wrong"
    PROOF_HEADER = "proof_header_wrong"
    PROOF_KEY = "proof_key_wrong"
    PROOF_SIGNATURE = "proof_signature_wrong"
    PROOF_METHOD = "proof_method_wrong"
    PROOF_ADDRESS = "proof_address_wrong"
    PROOF_MOMENT = "proof_moment_wrong"
    PROOF_JTI = "proof_jti_malformed"
    PROOF_HASH = "proof_token_wrong"
    PROOF_REPLAYED = "proof_replayed"


class OAuthError(ConsentError):
    """The door stays closed."""

    code = "oauth-error"


class SignatureRefused(OAuthError):
    """This signed message cannot be trusted."""

    code = "signature-refused"

    def __init__(self, reason: Reason) -> None:
        """Take the reason, which goes to our log and metrics only."""
        super().__init__(reason.value)
        self.reason = reason


class AssertionRefused(SignatureRefused):
    """The client could not be authenticated."""

    code = "invalid-client"
    # Whose key signed the assertion, where that was found out before it was refused.
    client: Client | None = None


class KeySetInvalid(OAuthError):
    """These keys cannot be registered."""

    code = "key-set-invalid"

    def __init__(self, what: str) -> None:
        """Take what is wrong; a key is never repeated."""
        super().__init__(what)
        self.what = what


class RedirectInvalid(OAuthError):
    """These addresses cannot be registered."""

    code = "redirect-invalid"


class KnockRefused(OAuthError):
    """The authorization server does not do what was asked."""

    code = "oauth-refused"

    def __init__(self, error: str, reason: Reason, what: str = "", status: int = 400) -> None:
        """Take the error of the standard, our own reason, and one ASCII sentence without input."""
        super().__init__(reason.value)
        self.error, self.reason, self.what, self.status = error, reason, what, status


class ProofRefused(TokenRefused):
    """The DPoP proof does not belong to this call, this token or this moment."""

    code = "invalid-dpop-proof"

    def __init__(self, reason: Reason) -> None:
        """Take the reason, which goes to our log and metrics only."""
        super().__init__(reason.value)
        self.reason = reason


class SeenStoreAway(OAuthError):
    """Proofs cannot be checked at present; try again."""

    code = "proof-store-away"


class TokenMissing(TokenRefused):
    """An access token is needed."""
