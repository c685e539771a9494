"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """Argon2id at 46 MiB, one lane (OWASP Password Storage Cheat Sheet).

    Django's default takes 100 MiB and eight lanes for each sign-in: a handful of parallel
    sign-ins would exhaust a small machine.
    """

    time_cost = 2
    memory_cost = 47104
    parallelism = 1
