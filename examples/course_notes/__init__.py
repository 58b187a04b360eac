"""The components of the TFX course notes, in all three styles, made to run on TFX 1.16."""
