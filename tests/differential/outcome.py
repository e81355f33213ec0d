# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of one command line on one binary, and how two such outcomes compare.

A QMP monitor on stdio gets its commands in advance, `quit` last, so that a machine that starts ends by
itself: status 0 and answers; one that is refused ends with status 1, a message and no answers."""

import json
import os
import re
import subprocess
import tempfile

from cmdline.emulator import BINARY, STOCK
from differential import since

TIMEOUT = 30.0
OURS, THEIRS = "ours", "stock"
ACCEL = {OURS: ["-accel", "qtest"], THEIRS: ["-accel", "tcg"]}
PROGRAM = {OURS: BINARY, THEIRS: STOCK}

# Said by either about what no cell is about.
NOISE = re.compile(r"Machine type '[^']*' is deprecated|doesn't support requested feature|"
                   r"module ui-ui-\w+ not found")


class Outcome:
    """verdict: 'starts', 'exits 0' (help), 'exits 1', 'signal 6' or 'hangs'."""

    def __init__(self, verdict, out, err, answers):
        self.verdict = verdict
        self.out = out
        lines = [line for line in err.splitlines() if line and not NOISE.search(line)]
        self.warnings = [line for line in lines if "warning: " in line]
        errors = [line for line in lines
                  if "warning: " not in line and ": info: " not in line and
                  re.match(r"qemu(-system-x86_64)?: ", line)]
        self.error = errors[0] if errors else ""
        self.err = err
        self.answers = answers

    def describe(self):
        text = self.verdict
        if self.error:
            text += f": {self.error}"
        for warning in self.warnings:
            text += f"\n  warns: {warning}"
        return text


def normalize(answer):
    """Without what is each machine's own: numbers of its threads and of unnamed devices."""
    if isinstance(answer, dict):
        return {key: normalize(value) for key, value in answer.items()
                if key != "thread-id" or "cpu-index" not in answer}
    if isinstance(answer, list):
        return [normalize(value) for value in answer]
    if isinstance(answer, str):
        return re.sub(r"\A/machine/unattached/device\[\d+\]\Z", "/machine/unattached/device[*]",
                      answer)
    return answer


def parse_answers(out):
    """Replies by id, if what is on stdout is QMP."""
    answers = {}
    for line in out.splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and "id" in message:
            answers[message.pop("id")] = normalize(message)
    return answers


def make_files(folder, files):
    for name, size in files.items():
        path = os.path.join(folder, name)
        if size is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as file:
                file.truncate(size)


def run(which, line, views=(), files=None, accel=True, qmp=True):
    """Runs `line` (a list) on one binary; `views` are (command, arguments) asked if it starts."""
    command = [PROGRAM[which], *(ACCEL[which] if accel else []),
               *(["-qmp", "stdio"] if qmp else []), *line]
    requests = [{"execute": "qmp_capabilities", "id": "start"}]
    requests += [{"execute": name, "arguments": arguments, "id": i}
                 for i, (name, arguments) in enumerate(views)]
    requests.append({"execute": "quit"})
    text = "".join(json.dumps(r) + "\n" for r in requests)
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        make_files(folder, files or {})
        try:
            done = subprocess.run(command, cwd=folder, input=text if qmp else "", text=True,
                                  errors="replace", capture_output=True, timeout=TIMEOUT,
                                  check=False)
        except subprocess.TimeoutExpired as late:
            return Outcome("hangs", "", (late.stderr or b"").decode(errors="replace"), {})
    answers = parse_answers(done.stdout)
    if done.returncode < 0:
        verdict = f"signal {-done.returncode}"
    elif "start" in answers and done.returncode == 0:
        verdict = "starts"
    else:
        verdict = f"exits {done.returncode}"
    return Outcome(verdict, done.stdout, done.stderr, answers)


# ---- the meaning of a message ---------------------------------------------------------------------

def words_of(line):
    """Names and values of a command line: what a message may be about."""
    words = set()
    for argument in line:
        if re.match(r"--?[a-zA-Z]", argument):
            words.add(re.sub(r"^--", "-", argument))
        else:
            words.update(w for w in re.split(r'[\s=,{}"\[\]:]+', argument) if w)
    return words


def strip_location(message, line):
    """(option or None, rest): "-m 5x: text" is about -m."""
    text = re.sub(r"^qemu(-system-x86_64)?: (warning: )?", "", message)
    options = [argument for argument in line if re.match(r"-[a-zA-Z]", argument)]
    for option in options:
        spelled = re.sub(r"^--?", "-", option)
        if not re.match(rf"{re.escape(spelled)}\b", text):
            continue
        rest = text[len(spelled):]
        for value in line:
            if rest.startswith(f" {value}: "):
                return spelled, rest[len(value) + 3:]
        if rest.startswith(": "):
            return spelled, rest[2:]
    return None, text


def plain(text):
    """A message without what does not carry meaning: quotes, final full stop, capitals, spaces."""
    return re.sub(r"\s+", " ", re.sub(r"['\"`]", "", text)).strip(" .").lower()


def names(text, words):
    return {w for w in words if re.search(rf"(?<![\w-]){re.escape(w)}(?![\w-])", text)}


def same_meaning(ours, stock, line, base):
    """None, or how our message says less than stock's, or something else. What stock names of the
    cell's own words, ours names too; of the base's words stock's may name more."""
    if not ours:
        return "no message of ours"
    our_option, our_text = strip_location(ours, line)
    option, text = strip_location(stock, line)
    if plain(our_text) == plain(text) and (our_option or not option):
        return None
    cell_words = words_of(line) - words_of(base)
    all_words = words_of(line)
    our_names = names(ours, all_words)
    stock_names = names(text, cell_words)
    missing = stock_names - our_names
    if option and not our_option and not names(our_text, cell_words):
        missing.add(option)
    if missing:
        return f"does not name {', '.join(sorted(missing))}"
    if not stock_names and not names(our_text, cell_words) and not (option and our_option):
        return "neither names a word of the cell, and the words differ"
    return None


# ---- comparing ------------------------------------------------------------------------------------

def compare_lines(ours, stock):
    """Help: lines that only we have. What stock has more of is its wider scope."""
    theirs = {line.rstrip() for line in stock.out.splitlines()}
    return [line for line in ours.out.splitlines() if line.rstrip() not in theirs]


def compare_views(ours, stock, views):
    for i, (command, arguments) in enumerate(views):
        mine, theirs = since.forget(command, ours.answers.get(i), stock.answers.get(i))
        if mine != theirs:
            what = " ".join([command, *map(str, arguments.values())])
            yield what, f"{what}: ours {json.dumps(mine)}, stock {json.dumps(theirs)}"


def compare(ours, stock, line, base, views):
    """Differences as (aspect, text): 'outcome', 'message', 'warning', 'help LINE', 'view NAME'."""
    if ours.verdict != stock.verdict:
        return [("outcome", f"ours {ours.describe()}\nstock {stock.describe()}")]
    found = []
    if ours.verdict == "exits 1":
        difference = same_meaning(ours.error, stock.error, line, base)
        if difference:
            found.append(("message", f"{difference}\nours  {ours.error}\nstock {stock.error}"))
    elif ours.verdict == "exits 0":
        found += [(f"help {text}", f"only ours: {text}") for text in compare_lines(ours, stock)]
    else:
        found += [(f"view {what}", text) for what, text in compare_views(ours, stock, views)]
    if ours.verdict == "starts" and bool(ours.warnings) != bool(stock.warnings):
        found.append(("warning", f"ours {ours.warnings}\nstock {stock.warnings}"))
    elif ours.verdict == "starts" and ours.warnings:
        difference = same_meaning(ours.warnings[0], stock.warnings[0], line, base)
        if difference:
            found.append(("warning", f"{difference}\nours  {ours.warnings}\nstock "
                                     f"{stock.warnings}"))
    return found
