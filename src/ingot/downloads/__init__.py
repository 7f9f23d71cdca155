"""Third-party data that Ingot uses and does not carry: pinned, checked by sha256, from the network or from a folder."""

from ingot.downloads.pinned import Download, DownloadError, fetch, known_downloads

__all__ = ["Download", "DownloadError", "fetch", "known_downloads"]
