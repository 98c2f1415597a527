"""What is done about samples that cannot be loaded, where the user does not want his run to end with them."""
