"""Recognition engines behind one Protocol, one file each."""
