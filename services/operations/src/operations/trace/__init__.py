"""Where an event is: `payments trace`, hop by hop."""
