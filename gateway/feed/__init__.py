"""What the backend reads: messages, their ids, pseudonyms, the retained last positions."""
