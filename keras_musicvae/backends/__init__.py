"""The only code that names a backend.

`choice.py` chooses one before Keras is imported; `native.py` lists what each does in
its own way, and gives the functions of the one in use.
"""
