"""Programs that show the vault from outside: two brands, and a demo that lives through the stories."""
