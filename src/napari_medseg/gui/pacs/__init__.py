"""Archives in the panels: servers and logins, search, bringing series here, sending labels back."""
