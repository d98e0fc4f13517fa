"""`o2o bench`: short real measurements, and what they mean for a city."""
