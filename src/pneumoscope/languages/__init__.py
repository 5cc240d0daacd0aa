"""The languages of texts for readers: which is in use, and how English texts are translated."""
