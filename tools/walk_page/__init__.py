"""Pictures and tables of docs/walk.md, out of real runs of the solver."""
