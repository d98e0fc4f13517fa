"""Orders and pick lists: taken in, given to devices, told of."""
