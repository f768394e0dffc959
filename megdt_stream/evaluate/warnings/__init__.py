"""How good warnings are on a hospital whose problems are known: `hospital` plays it, `judge` compares with what was
planted. Everything runs on the driver, with no server.
"""

from megdt_stream.evaluate.warnings.judge import evaluate

__all__ = ["evaluate"]
