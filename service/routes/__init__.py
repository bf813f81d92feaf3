"""The routes of the public address, a module each."""
