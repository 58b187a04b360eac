"""Checked, mended, measured and cleaned: fsck, repair, gc, retention and sizes."""
