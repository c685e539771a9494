"""How brands knock: client authentication, tokens, metadata. None of it decides what is answered."""
