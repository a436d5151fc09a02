"""What the folders beside this one share: processes to start and to kill, and ways to look."""
