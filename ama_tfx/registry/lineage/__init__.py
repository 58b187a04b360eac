"""What was made from what: asked, told later, and drawn."""
