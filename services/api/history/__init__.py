"""What an alert was: its revisions, and the state of everything at an instant."""
