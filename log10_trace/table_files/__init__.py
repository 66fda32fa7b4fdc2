"""Files of tables that other programs read: what calls are in them, and who writes each kind of file.

Records go through one at a time. Threads, the network and the terminal are not known here.
"""
