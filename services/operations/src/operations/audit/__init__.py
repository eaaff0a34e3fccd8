"""The standing audit: whether each place has what the place before it had, hop by hop and by ids."""
