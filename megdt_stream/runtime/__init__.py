"""The worker: everything with a clock, a socket, a thread or the environment.

Here live the Faust application and its agents, the batch transport, the Redis store and its scripts, the
outbox relay, ticks, settings, metrics, health, logs, the watchdog and the administration of topics. What an
event means, how a twin is folded and when a warning is due are decided in the pure packages (evidence, twin,
governance), which import nothing from here.
"""
