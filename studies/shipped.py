"""The protocols that come with the product, as documents. Read next: protocol.py."""

from pathlib import Path

FOLDER = Path(__file__).parent / "protocols"


def shipped_protocols() -> dict[str, Path]:
    """This function will give the shipped documents by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.json"))}
