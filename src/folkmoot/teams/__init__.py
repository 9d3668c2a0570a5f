"""Teams: roles that plan a task, work its steps, review and deliver. No agents of a workspace, no debate."""
