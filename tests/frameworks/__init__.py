"""One script for each framework: small programs that a user of it would write, run against a fake model."""
