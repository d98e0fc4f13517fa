"""The backend contract, generated: AsyncAPI 3.0 and JSON Schema out of protocols.messages."""
