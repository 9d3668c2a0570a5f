"""What happens by itself: schedules start runs at their times, webhooks tell other software what the log holds."""
