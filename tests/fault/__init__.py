"""What happens when parts die, lie or come back: a real system, killed while it works.

The short forms (`-k short`) run in CI; the long ones are what the system must show.
"""
