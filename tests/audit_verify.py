"""A second verifier of quell's audit log, for whoever does not want to trust the program that wrote it.

    python3 audit_verify.py [--anchors FILE] [--require-checkpoints [--now SECONDS]] DIR...

For each directory one line per log: `ok`, `BROKEN` or `UNSEALED`, the log, its records, and the first fault; behind it `EARLIER`
and the log, where anchors name records from before the first one there, which cannot be checked; then `DOUBLED`
and the logs, for each host and user of whom there is more than one in that directory; then, behind all directories, `BROKEN`, the
log and the first number of which two directories have different records, for copies of a log that contradict each other; then
`MISSING` and the log, for each that anchors name and that is in no directory; then `DAMAGED` and the file, for a head that is
not as quell wrote it; then `EMPTY` and the file, for a text in which no anchor stands. A folder without any log is named on
standard error. Exit code: 0 every log holds, 1 one does not, or its copies contradict each other, or one that a head names
is missing, 2 every log that is there
holds, and one that other anchors name is missing or begins behind them, a head is damaged, a text has no anchor or a host and
user have two, 3 there
is none, or something that cannot be read: no folder, no regular file, 64 an option that there is not. `--anchors` finds anchors
in any text; only a file named `head` is taken as what quell keeps in its state directory and judged as quell does: every line is
an anchor and nothing else, or the whole file counts for nothing and is said; and a log that begins behind the record that it
names is BROKEN, for quell names a later one before it removes a segment. `UNSEALED` is a log whose records follow
from one another and that lacks a checkpoint where the rules ask for one, which only counts with `--require-checkpoints`;
`--now` is the time of the check, in seconds since 1970, where it is not the present. It checks the form of every line, its hash, that it
belongs to the log its file is named after, the chain over all segments, torn ends that a later record names, anchors
(`audit <logid> n=<n> h=<hash>`), and the checkpoints: what they say, in whose session, and their Ed25519 signature. The standard library has no Ed25519, so the arithmetic of RFC 8032 is written out below; it
only verifies, and is slow. Warnings (an unsealed tail, a session without an end) are the program's to tell.
"""

import argparse
import base64
import calendar
import hashlib
import json
import os
import re
import stat
import sys
import time

ZERO = "0" * 64
# A checkpoint is due after so many records of a session, or one that asks for it; others may be written with it.
EVERY, TOGETHER, GAP_MINUTES = 64, 512, 20
MAX = 64 * 1024
# Numbers in a record, and so of segments, are smaller; those of a user and a process have 32 bits.
GREAT, GREAT_ID = 2**53, 2**32
ID = "[0-7][0-9A-HJKMNP-TV-Z]{25}"
STR = rb'"(?:[ !#-\[\]-~]|\\["\\]|\\u[0-9a-f]{4})*"'
NUM = rb"(?:0|[1-9][0-9]*)"
LINE = re.compile(
    rb'\{"v":1,"log":(?P<log>"' + ID.encode() + rb'"),"seg":(?P<seg>' + NUM + rb'),"n":(?P<n>' + NUM + rb'),"ts":(?P<ts>' + STR
    + rb'),"boot_us":' + NUM + rb',"host":' + STR + rb',"uid":' + NUM + rb',"user":' + STR + rb',"pid":' + NUM
    + rb',"sess":"' + ID.encode() + rb'","type":' + STR + rb',"data":(?P<data>\{.*\}),"prev":"(?P<prev>[0-9a-f]{64})"'
    + rb',"h":"(?P<h>[0-9a-f]{64})"\}')
END = re.compile(rb',"h":"[0-9a-f]{64}"\}')
TIME = re.compile("([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})[.]([0-9]{6})Z")
# Words of an anchor are letters, digits and `=` of ASCII; whatever else stands between them divides them.
PARTS = ("audit", f"({ID})", "n=([1-9][0-9]{0,19})", "h=([0-9a-f]{64})")
ANCHOR = re.compile("(?<![0-9A-Za-z=])" + "[^0-9A-Za-z=]+".join(PARTS) + "(?![0-9A-Za-z=])")
HEAD = "head"
HEAD_MAX = 64 * 1024
HEAD_LINE = re.compile(" ".join(PARTS))


# --- Ed25519, verification only (RFC 8032, section 5.1) ---
P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def recover(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(k, p):
    out = (0, 1, 1, 0)
    while k:
        if k & 1:
            out = add(out, p)
        p, k = add(p, p), k >> 1
    return out


BASE = recover((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signed(key, message, signature):
    a, r, s = recover(key), recover(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(s, BASE), add(r, times(k, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


# --- One line ---
class Bad(Exception):
    pass


def unique(pairs):
    if len({key for key, _ in pairs}) != len(pairs):
        raise Bad("a key twice")
    return dict(pairs)


def whole(text):
    if abs(int(text)) >= GREAT or text == "-0":
        raise Bad("a number out of range")
    return int(text)


def no(text):
    raise Bad("a number that is not whole")


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def written(value):
    """The one way to write a value: no spaces, escapes only where they must be, in lower case."""
    if isinstance(value, str):
        units = value.encode("utf-16-be", "surrogatepass")
        codes = [int.from_bytes(units[i:i + 2], "big") for i in range(0, len(units), 2)]
        return '"' + "".join("\\" + chr(c) if c in (34, 92) else chr(c) if 32 <= c < 127 else f"\\u{c:04x}" for c in codes) + '"'
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(written(k) + ":" + written(v) for k, v in value.items()) + "}"
    return json.dumps(value)


def same(one, other):
    """Tells whether two values are written alike: True is not 1, and the keys have an order."""
    return written(one) == written(other)


def is_count(value):
    return type(value) is int and value >= 0


def moment(text):
    """Gives the numbers of a time as a record has it, or None; any minute may end with a leap second."""
    found = TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, micros = map(int, found.groups())
    if not 1 <= month <= 12 or hour > 23 or minute > 59 or second > 60:
        return None
    days = calendar.mdays[month] + (month == 2 and calendar.isleap(year))
    return (year, month, day, hour, minute, second, micros) if 1 <= day <= days else None


def scan(line):
    """Gives a record, or raises: its form, then its own hash, then what nobody could read."""
    if len(line) >= MAX or not LINE.fullmatch(line):
        raise Bad("not a record")
    try:
        text = line.decode("ascii")
        record = json.loads(text, object_pairs_hook=unique, parse_int=whole, parse_float=no, parse_constant=no)
        text.encode("ascii")
        for part in json.dumps(record, ensure_ascii=False):
            if "\ud800" <= part <= "\udfff":
                raise Bad("half a character")
    except (ValueError, RecursionError) as error:
        raise Bad(f"not a record: {error}") from error
    if depth(record) > 8 or written(record) != text:
        raise Bad("not a record")
    if hashlib.sha256(b"quell-audit/1\0" + line[:-72]).hexdigest() != record["h"]:
        raise Bad("the record does not have the hash it carries")
    if record["uid"] >= GREAT_ID or record["pid"] >= GREAT_ID or not moment(record["ts"]):
        raise Bad("a field has an impossible value")
    return record


# --- One log ---
def check_seal(record, start, sessions, late):
    data, sess, before = record["data"], record["sess"], record["n"] - 1
    if set(data) != {"n", "h", "size", "note"}:
        return "the checkpoint does not say what stands before it"
    head = base64.b64encode(bytes.fromhex(record["prev"])).decode()
    text = f"quell audit chain v1 {record['log']}\n{before}\n{head}\n{start}\n"
    told, true = [data["n"], data["h"], data["size"]], [before, record["prev"], start]
    if not same(told, true) or not str(data["note"]).startswith(text):
        return "the checkpoint does not say what stands before it"
    if sess not in sessions:
        return None if late else "a checkpoint of a session that is not open"
    session = sessions[sess]
    if session.key is None:
        return "a checkpoint of a session without a key"
    name = f"quell/{sess}"
    named = hashlib.sha256(f"{name}\n\1".encode() + session.key).digest()[:4]
    try:
        signature = base64.b64decode(data["note"][len(text):].rstrip("\n").rsplit(" ", 1)[1], validate=True)[4:]
    except (ValueError, IndexError):
        return "the checkpoint is not signed with the key of its session"
    line = f"\u2014 {name} {base64.b64encode(named + signature).decode()}\n"
    if len(signature) != 64 or data["note"] != f"{text}\n{line}" or not signed(session.key, text.encode(), signature):
        return "the checkpoint is not signed with the key of its session"
    return None


class Session:
    """What is known of a session that is not over: its key, its last seal (or start), and its records since."""

    def __init__(self, key, record, starts):
        self.key, self.closed = key, False
        self.seal(record, starts, 1)

    def seal(self, record, starts, records=0):
        self.boot, self.starts, self.at = record["boot_us"], starts, seconds(record["ts"])
        self.records, self.due = records, None

    def count(self, kind):
        """Takes a record, and tells whether the checkpoint that it or one before it asks for is late."""
        self.records += 1
        self.due = None if self.due is None else self.due + 1
        if kind in ("action.outcome", "action.resolve", "session.close") and self.due is None:
            self.due = 0
        self.closed |= kind == "session.close"
        return self.due == TOGETHER or self.records == EVERY + TOGETHER

    def lacks(self, boot, starts, now):
        """Tells whether a checkpoint is missing at the end of the log."""
        silent = self.starts < starts or (boot - self.boot) // 60_000_000 > GAP_MINUTES
        silent = silent or now - self.at >= 60 * (GAP_MINUTES + 1)
        return self.due is not None or self.records >= EVERY or silent


def seconds(text):
    *at, micros = moment(text)
    return calendar.timegm(at) + micros / 1e6 if at[0] else float("-inf")


def verify(log, segments, anchors, now=None, remembered=frozenset(), hashes=None):
    """Takes the id in the files' names, [(number, bytes)], {n: {hash}}, where checkpoints are required the time, and those
    numbers that a head names; puts {n: hash} of its records into `hashes`, if there is one.

    Gives the number of records, the faults, the places where a checkpoint is missing, and whether anchors are from before the
    first record.
    """
    faults, records, head, sessions = [], 0, 0, {}
    unsealed, boot, starts = [], 0, 0
    late, pruned, first = segments[0][0] > 1, None, None
    expected = None if late else (0, ZERO)
    ended, previous = False, None
    for position, (number, content) in enumerate(segments):
        if previous is not None and number != previous + 1:
            faults.append(f"segment {number}: the segment before is missing")
            expected = None
        elif previous is not None and not ended:
            faults.append(f"segment {previous} does not end as it must")
        if number >= GREAT:
            faults.append(f"segment {number}: no segment has so great a number")
        previous, begun, ended, start, torn = number, False, False, 0, []
        lines = content.split(b"\n")
        last = lines.pop()
        for index, line in enumerate(lines + ([last] if last else [])):
            where = f"segment {number}, byte {start}"
            try:
                record = scan(line)
            except Bad as bad:
                torn.append((line, f"{where}: {bad}"))
                start += len(line) + 1
                continue
            kind, data = record["type"], record["data"]
            if hashes is not None:
                hashes.setdefault(record["n"], bytes.fromhex(record["h"]))
            if torn:
                joined = b"\n".join(line for line, _ in torn)
                name = {"len": len(joined), "sha256": hashlib.sha256(joined).hexdigest()}
                named = kind == "log.recovered" and same(data, name)
                if not named or any(END.search(line) for line, _ in torn):
                    faults.append(torn[0][1])
                if not named:
                    expected = None
            elif kind == "log.recovered":
                faults.append(f"{where}: it names torn bytes that are not there")
            torn = []
            if record["log"] != log or record["seg"] != number:
                faults.append(f"{where}: it belongs elsewhere")
            elif expected and (record["n"], record["prev"]) != (expected[0] + 1, expected[1]):
                faults.append(f"{where}: it does not follow from the record before it")
            if ended:
                faults.append(f"{where}: it stands after the end of its segment")
            begins = kind == "segment.start"
            if not begun and kind != "log.recovered":
                if begins != (number > 1) or (begins and data != {"prev_h": record["prev"]}):
                    faults.append(f"{where}: the segment does not begin as it must")
                begun = True
            elif begins:
                faults.append(f"{where}: a segment begins inside another")
            ended = kind == "segment.end"
            starts, boot = starts + (record["boot_us"] < boot), record["boot_us"]
            if kind == "session.open":
                if record["sess"] in sessions:
                    faults.append(f"{where}: a session begins twice")
                key = str(data.get("public_key"))
                key = bytes.fromhex(key) if re.fullmatch("[0-9a-f]{64}", key) else None
                sessions[record["sess"]] = Session(key, record, starts)
                unsealed += [] if key else [f"{where}: a session without a key"]
            elif kind == "checkpoint":
                why = check_seal(record, start, sessions, late)
                faults += [f"{where}: {why}"] if why else []
                session = sessions.get(record["sess"])
                if session and not why:
                    if (record["boot_us"] - session.boot) // 60_000_000 > GAP_MINUTES:
                        unsealed.append(f"{where}: too long a time since the checkpoint before")
                    session.seal(record, starts)
                    if session.closed:
                        del sessions[record["sess"]]
            elif kind not in ("log.recovered", "segment.end", "segment.start"):
                session = sessions.get(record["sess"])
                if session is None and not late:
                    unsealed.append(f"{where}: a record outside of a session")
                elif session and session.count(kind) and session.key:
                    unsealed.append(f"{where}: a checkpoint is missing")
            if kind == "segment.pruned" and same(data.get("segment"), segments[0][0] - 1):
                end = (data.get("n"), data.get("h"))
                pruned = end if is_count(end[0]) and isinstance(end[1], str) else pruned
            for h in anchors.pop(record["n"], ()):
                if h != record["h"]:
                    faults.append(f"{where}: an anchor names another record {record['n']}")
            first = first or (record["n"] - 1, record["prev"])
            expected, head, records = (record["n"], record["h"]), record["n"], records + 1
            start += len(line) + 1
        # A write that was torn and that no writer has named yet may stand at the very end, alone.
        lone = position == len(segments) - 1 and last and len(torn) == 1
        if torn and not (lone and not END.search(torn[0][0])):
            faults.append(torn[0][1])
    if late and not pruned:
        faults.append("the segments before are not here, and the log does not say that they were removed")
    elif late and pruned != first:
        faults.append("the segments before were not removed as the log says")
    if any(n > head for n in anchors):
        faults.append(f"records are missing at the end: an anchor names record {max(anchors)}")
    earlier = {n for n in anchors if first and n <= first[0]}
    if earlier & remembered:
        faults.append(f"the log begins behind record {max(earlier & remembered)}, which this host remembers")
    if now is None:
        return records, faults, [], bool(earlier)
    unsealed += [] if records or faults else ["there is no record, and so no checkpoint"]
    lacking = [session for session in sessions.values() if session.key and session.lacks(boot, starts, now)]
    unsealed += ["a session has no end, and no checkpoint where one is due"] * len(lacking)
    return records, faults, unsealed, bool(earlier)


def owner(segments):
    """Gives the host and the user of the first record that can be read near the start of a file, as quell finds its log."""
    for _, content in segments:
        for line in content[:4 * MAX].split(b"\n"):
            try:
                record = scan(line)
            except Bad:
                continue
            return record["host"], record["uid"]
    return None


# --- What stands outside of the log ---
class Damaged(Exception):
    pass


def kind_of(mode):
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFDIR: "a directory", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a symbolic link"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def counted(found):
    """Gives the anchors whose number a program can count to."""
    return [(log, int(n), h) for log, n, h in found if int(n) < 2**64]


def anchors_in(path):
    """Finds the anchors in any text, wherever they stand in it."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    # Escapes of an exported comment are passed over.
    for escape in ("\\n", "\\r", "\\t"):
        text = text.replace(escape, " ")
    return counted(ANCHOR.findall(text.replace("\\", "")))


def heads_in(path):
    """Reads the file that quell keeps beside its log, or says why it is not as quell wrote it."""
    try:
        # A pipe of this name would be waited for, a link leads elsewhere.
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        mode = os.lstat(path).st_mode if os.path.lexists(path) else stat.S_IFREG
        why = error.strerror if stat.S_ISREG(mode) else f"it is {kind_of(mode)}, not a regular file"
        raise Damaged(why) from error
    try:
        mode = os.fstat(file).st_mode
        if not stat.S_ISREG(mode):
            raise Damaged(f"it is {kind_of(mode)}, not a regular file")
        with open(file, "rb", closefd=False) as reader:
            content = reader.read(HEAD_MAX + 1)
    except OSError as error:
        raise Damaged(error.strerror) from error
    finally:
        os.close(file)
    if len(content) > HEAD_MAX:
        raise Damaged("it has more than 64 KiB")
    lines = content.decode("utf-8", "replace").split("\n")
    # A carriage return belongs to the line feed behind it, and only one does; the last line needs none.
    last = lines.pop()
    lines = [line[:-1] if line.endswith("\r") else line for line in lines] + ([last] if last else [])
    found = [HEAD_LINE.fullmatch(line) for line in lines]
    heads = counted(line.groups() for line in found if line)
    if len(heads) < len(lines):
        raise Damaged("a line of it is not the head of a log")
    if not heads:
        raise Damaged("it is empty")
    return heads


class Options(argparse.ArgumentParser):
    def error(self, message):
        self.exit(64, f"{self.format_usage()}{message}\n")


def main(arguments):
    options = Options(allow_abbrev=False)
    options.add_argument("--anchors", metavar="FILE", action="append", default=[])
    options.add_argument("--require-checkpoints", action="store_true")
    options.add_argument("--now", metavar="SECONDS", type=float)
    options.add_argument("folders", metavar="DIR", nargs="*")
    options = options.parse_intermixed_args(arguments)
    try:
        return check(options)
    except OSError as error:
        print("unreadable", error)
        return 3


def check(options):
    anchors, exit_code, found, now = {}, 0, set(), options.now
    remembered, damaged, empty = {}, [], []
    if options.require_checkpoints and now is None:
        now = time.time()
    for path in options.anchors:
        if os.path.basename(os.path.normpath(path)) == HEAD:
            try:
                heads = heads_in(path)
            except Damaged as why:
                damaged.append(f"{path!a}: {why}")
                continue
            for log, n, _ in heads:
                remembered.setdefault(log, set()).add(n)
        else:
            heads = anchors_in(path)
            if not heads:
                empty.append(path)
        for log, n, h in heads:
            anchors.setdefault(log, {}).setdefault(n, set()).add(h)
    doubled, early = False, False
    if not options.folders:
        print("no folder to look into was given", file=sys.stderr)
    # Of each log the records of all directories before, and the first that two of them have otherwise.
    copies, parted = {}, {}
    for directory in options.folders:
        logs, owners = {}, {}
        for name in os.listdir(directory):
            match = re.fullmatch(f"audit-({ID})-([1-9][0-9]*)[.]jsonl", name)
            if match:
                path = os.path.join(directory, name)
                if not stat.S_ISREG(os.lstat(path).st_mode):
                    print("unreadable", name, "is not a regular file")
                    return 3
                with open(path, "rb") as file:
                    logs.setdefault(match[1], []).append((int(match[2]), file.read()))
        if not logs:
            print("no audit log is in", ascii(directory), file=sys.stderr)
        for log, segments in sorted(logs.items()):
            found.add(log)
            own = {n: set(hashes) for n, hashes in anchors.get(log, {}).items()}
            heads = frozenset(remembered.get(log, ()))
            hashes = {} if len(options.folders) > 1 else None
            records, faults, unsealed, earlier = verify(log, sorted(segments), own, now, heads, hashes)
            before = copies.setdefault(log, {})
            other = [n for n, h in (hashes or {}).items() if before.setdefault(n, h) != h]
            if other:
                parted[log] = min(other + [parted.get(log, other[0])])
            exit_code = 1 if faults or unsealed else exit_code
            print("BROKEN" if faults else "UNSEALED" if unsealed else "ok", log, records, *(faults + unsealed)[:1])
            if earlier:
                early = True
                print("EARLIER", log)
            owners.setdefault(owner(sorted(segments)), []).append(log)
        owners.pop(None, None)
        for several in owners.values():
            if len(several) > 1:
                doubled = True
                print("DOUBLED", *several)
    for log, n in sorted(parted.items()):
        exit_code = 1
        print("BROKEN", log, f"record {n} is another in another of these directories")
    missing = sorted(set(anchors) - found)
    for log in missing:
        print("MISSING", log)
    for why in damaged:
        print("DAMAGED", why)
    for path in empty:
        print("EMPTY", ascii(path))
    # What this host had durable in a log that is gone is lost; other anchors may be another host's.
    lost = options.folders and not set(remembered) <= found
    if not found and not lost:
        return 3
    return 1 if lost else exit_code or (2 if missing or damaged or empty or doubled or early else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
