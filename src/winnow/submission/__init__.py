"""The folder the course asks for, and its linter."""
