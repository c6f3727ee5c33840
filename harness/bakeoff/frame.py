"""The frame around a served page: it asks whether there is a newer one, and shows that.

The page inside stays the file that ``bakeoff report`` writes, under its own policy, which lets
it ask for nothing. With JavaScript off the frame shows the page as it was at that moment.
"""

import base64
import hashlib

EVERY_MS = 2000

_SHEET = """
html, body, iframe { margin: 0; width: 100%; height: 100%; border: 0; display: block; }
body { overflow: hidden; }
p { position: fixed; right: 16px; bottom: 12px; margin: 0; padding: 2px 10px; border-radius: 4px;
    font: 13px/1.6 system-ui, sans-serif; background: #1e2430; color: #fff; }
p:empty { display: none; }
"""

# What the reader sees stays in place: how far it is scrolled, and which stories are open.
_SCRIPT = """
"use strict";
(() => {
  const frame = document.querySelector("iframe"), note = document.querySelector("p");
  let tag = null, kept = null;
  const stories = () => [...frame.contentDocument.querySelectorAll("details")];
  const keep = () => ({ y: frame.contentWindow.scrollY, open: stories().map((d) => d.open) });
  frame.addEventListener("load", () => {
    document.title = frame.contentDocument.title || document.title;
    if (!kept) return;
    const now = stories();
    if (now.length === kept.open.length) now.forEach((d, i) => { d.open = kept.open[i]; });
    frame.contentWindow.scrollTo({ top: kept.y, behavior: "instant" });
    kept = null;
  });
  const look = async () => {
    try {
      const answer = await fetch("/report", { method: "HEAD", cache: "no-store" });
      const found = answer.headers.get("ETag");
      note.textContent = answer.ok ? "" : "The page cannot be made at present.";
      if (answer.ok && tag !== null && found !== tag) {
        kept = keep();
        frame.contentWindow.location.reload();
      }
      if (answer.ok) tag = found;
    } catch {
      note.textContent = "bakeoff serve has ended.";
    }
    setTimeout(look, EVERY_MS);
  };
  look();
})();
""".replace("EVERY_MS", str(EVERY_MS))

HTML = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>bakeoff</title>
<style>{_SHEET}</style>
</head>
<body>
<iframe src="/report" title="The report of the run"></iframe>
<p role="status"></p>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_digest(_SHEET)}; script-src {_digest(_SCRIPT)}; "
    "img-src data:; frame-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
