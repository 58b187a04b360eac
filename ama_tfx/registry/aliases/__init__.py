"""How aliases move, and what protected ones ask for."""
