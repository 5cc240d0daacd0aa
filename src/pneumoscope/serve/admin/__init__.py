"""What an administrator does at the machine: accounts, purge, export and erasure."""
