"""What workflows do to the outside world: methods of classes that hold the clients, one argument each."""
