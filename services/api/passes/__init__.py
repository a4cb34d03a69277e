"""Paper passes: issued, printed with a code that nobody can invent, verified, revoked."""
