"""The grammar engine inside other people's loops."""
