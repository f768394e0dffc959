"""How good warnings are on a hospital whose problems are known: `hospital` plays it, `signals` keeps what rules about
groups look at, `judge` compares with what was planted. Everything runs on the driver, with no server.
"""

from megdt_stream.evaluate.warnings.judge import evaluate

__all__ = ["evaluate"]
