"""Reading files of foreign formats, for the adapters in `megdt_stream.evidence.adapters`.

Here live files, encodings, mappings and keys; what an item becomes is decided by the adapters. A file is read item by
item: only one JSON document over several lines is in memory whole.
"""
