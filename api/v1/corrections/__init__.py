"""What people say of recognised events."""
