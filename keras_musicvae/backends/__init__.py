"""The only code that names a backend: choosing one, and what each does its own way."""
