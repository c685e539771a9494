"""How every end is carried out: told to the brand, answered, attested, or escalated. Never silent."""
