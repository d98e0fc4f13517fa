"""The gateway by HTTP: the page, what it shows, the intake, health."""
