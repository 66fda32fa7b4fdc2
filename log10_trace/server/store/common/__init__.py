"""What the stores of both engines do alike. No SQL, and no import of an engine."""
