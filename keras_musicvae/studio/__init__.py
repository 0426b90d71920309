"""The studio: a page in which grooves are made, seen, heard and changed.

- `page/`: the page, plain HTML, CSS and JavaScript modules
- `page.py`: its files, and what they share with the package
- `server.py`: serves it to this machine
"""
