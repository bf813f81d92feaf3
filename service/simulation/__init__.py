"""A fleet that drives through a sample city, and what its GPS and its photos make of it."""
