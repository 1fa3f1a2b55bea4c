"""Nobody imports accounts: this surface is empty on purpose."""
