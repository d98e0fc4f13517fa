"""The commit log: what was accepted, and what is still owed; one thread writes it."""
