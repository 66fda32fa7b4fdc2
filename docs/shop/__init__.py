"""The support assistant of an outdoor shop: the small program whose calls the screenshots show."""
