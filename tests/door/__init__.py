"""The partner's door, from outside: bytes in, bytes out."""
