"""The Compare page: two calls side by side."""
