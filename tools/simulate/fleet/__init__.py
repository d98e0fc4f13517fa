"""A fleet of light boards against one gateway: real frames, real connections, no hardware."""
