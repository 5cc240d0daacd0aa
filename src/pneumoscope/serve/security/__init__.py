"""What protects all routes: TLS, sign-in, roles, limits, the audit log."""
