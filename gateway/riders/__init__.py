"""What the gateway knows of riders beyond their records: when they were heard, where they are, what
their customers may see, and who speaks for a board that has fallen silent."""
