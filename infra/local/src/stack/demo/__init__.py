"""`stack demo`: shows on the running stack what the pipeline does, also where something fails."""
