"""What people see: twins, warnings and the flow of events, in words and tables, in Chinese and English.

Here live the renderings and the little that has to be read for them. Nothing here decides or judges: figures
come from the store, warnings from their topic, estimates from `megdt_stream.twin.view`.
"""
