"""What `benchmarks.fuzz` calls, and with what."""
