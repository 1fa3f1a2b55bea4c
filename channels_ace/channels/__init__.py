"""One file per carrier; settings name the classes by dotted path. Read next: ../channel.py, which says what a channel is."""
