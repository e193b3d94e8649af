"""Sum up a nox report, and fail unless the chapters ran on enough Pythons.

`summary.py report.json 3` wants three of them.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

enough = int(sys.argv[2])
sessions = json.loads(Path(sys.argv[1]).read_text())["sessions"]
pythons = set()
for session in sessions:
    print(f"{session['result']:>8}  {session['signatures'][0]}")
    match = re.fullmatch(r"example-\d\d-(3\.\d+t?)", session["signatures"][0])
    if match and session["result"] == "success":
        pythons.add(match[1])
print(f"The chapters ran on {len(pythons)} Pythons: {', '.join(sorted(pythons)) or 'none'}.")
if len(pythons) < enough:
    print(f"At least {enough} are needed.")
count = Counter(session["result"] for session in sessions)
bad = len(sessions) - count["success"] - count["skipped"]
print(f"{count['success']} passed, {bad} failed, {count['skipped']} skipped")
sys.exit(bad > 0 or len(pythons) < enough)
