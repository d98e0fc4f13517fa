"""`o2o board`: boards flashed, provisioned, read and simulated, through mpremote."""
