"""A brand as a brand's engineer would write it: its own process, public libraries, nothing of the vault's code."""
