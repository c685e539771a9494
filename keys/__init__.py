"""Opens and closes: key providers, wrapped keys, sealing."""
