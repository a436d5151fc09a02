"""What is shown of runs, histories, queues and workers. Nothing here changes anything.

Functions take a `Read`, then the namespace or the record that they show, and give the document.
``history`` takes the store: it reads in slices, so that a long history holds up nobody.
"""
