"""Data foundation: the event contract, scales, canonical evidence and how raw bytes become either.

Here live what an event is, what is wrong with a bad one, and the adapters from foreign formats. Nothing here
knows a broker, a store, a clock or a twin: functions take bytes, times and reference data and give values.
"""
