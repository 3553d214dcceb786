"""What people's corrections teach: heads that move the chances of a tree's nodes."""
