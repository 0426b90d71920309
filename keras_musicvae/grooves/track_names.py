"""The names of tracks, whose encoding MIDI leaves open."""

import codecs
import unicodedata

MAX_NAME_BYTES = 256


def track_names(body: bytes) -> tuple[str, ...]:
    """A text in each encoding that it may be in, the likeliest first.

    MIDI does not say which it is. UTF-8 is hardly ever anything else; bytes that are
    control characters in Latin-1 are Shift-JIS.
    """
    cut, body = len(body) > MAX_NAME_BYTES, body[:MAX_NAME_BYTES]
    encodings = ["utf-8", "latin-1", "shift_jis"]
    if any(0x80 <= byte < 0xA0 for byte in body):
        encodings = ["utf-8", "shift_jis", "latin-1"]
    names = []
    for encoding in encodings:
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            # A cut may lie inside a character, which is left out.
            names.append(clean_name(decoder.decode(body, final=not cut)))
        except UnicodeDecodeError:
            continue
    return tuple(dict.fromkeys(filter(None, names)))


def clean_name(name: str) -> str:
    """A name in its composed form, without what pads it: NUL and blanks."""
    return unicodedata.normalize("NFC", name).strip("\0 \t\r\n")
