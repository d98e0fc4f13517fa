"""The contract, generated out of protocols.messages: AsyncAPI 3.0, JSON Schema, CDDL, a page."""
