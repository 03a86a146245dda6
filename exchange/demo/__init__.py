"""Made-up schools: what the demonstration, the benchmarks and many tests run on."""
