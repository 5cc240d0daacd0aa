"""Films without the patient: a new header of known safe values, keyed pseudonyms, pixels without text.

After the Basic Application Level Confidentiality Profile (PS3.15 annex E), and stricter: whatever is
not known to be safe is left out.
"""
