#!/usr/bin/env python3
"""Check an export of a Consent Vault log: nobody was let in without consent, nothing was rewritten.

Needs Python 3.9 or newer, and nothing else: no network, no package, no part of the vault.

    python3 verify.py                        the bundle that this file lies in
    python3 verify.py export.zip             a bundle as directory or .zip
    python3 verify.py export.zip --key KEY   with the log's key as you got it elsewhere
    python3 verify.py export.zip --state S   continue from what S remembers; S is then renewed

Exit code 0: verified. 1: at least one finding. 2: cannot be read, or wrong usage.

How to read this file: "Words" holds every sentence of the report; then come signatures
(RFC 8032), notes and checkpoints (c2sp.org), the tree (RFC 6962), the bundle, the rules about
epochs, and the command line. Memory does not grow with the log, except about 300 bytes for
every grant and less for every destroyed key.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import calendar
import gc
import hashlib
import hmac
import io
import json
import os
import re
import sys
import time
import zipfile
import zlib
from collections import Counter

FORMAT = "consent-vault/export/1"
STATE_FORMAT = "consent-vault/state/1"
EDGE_FORMAT = "consent-vault/left-edge/1"
DETAIL = b"consent-vault/detail/1\n"

LEAF_LIMIT = 4096
LARGEST = 2**53 - 1
BLOCK = 256  # leaves under one hash of blocks.ndjson
PROMISED_SILENCE = 60_000  # ms: a heartbeat is written when a minute passed without an entry
SILENCE_WARNING = 90_000  # ms
SILENCE_FINDING = 300_000  # ms
BACKWARDS_WARNING = 60_000  # ms
BACKWARDS_FINDING = 300_000  # ms
KEPT_IDS = 100_000  # ids of entries remembered at least, to look up what `of` means
KEPT_FINDINGS = 100

# ---------------------------------------------------------------------------------------------
# Words

CHECKS = {
    "files": ("묶음의 파일이 목록과 같은가", "Are the files those of the manifest?"),
    "signature": ("체크포인트가 로그 열쇠로 서명되었는가", "Is the checkpoint signed by the log?"),
    "root": ("기록 전부가 서명된 뿌리로 이어지는가", "Do all entries lead to the signed root?"),
    "history": ("전에 서명한 것과 이어지는가", "Does it continue what was signed before?"),
    "leaves": ("기록 하나하나가 올바른 꼴인가", "Is every entry well formed and unique?"),
    "epochs": ("동의가 바르게 열리고 닫혔는가", "Was every consent opened and closed once?"),
    "reads": ("모든 열람이 동의 안에 있는가", "Does every read lie within a consent?"),
    "partners": ("멈춘 브랜드가 읽지 않았는가", "Did no suspended brand read?"),
    "erasures": ("지운 뒤에 남은 일이 없는가", "Did nothing happen after an erasure?"),
    "tallies": ("모아 적은 거절이 맞는가", "Do counted refusals belong to a refusal?"),
    "times": ("시각이 바르고 빈 시간이 없는가", "Are the times sane and without silence?"),
    "openings": ("공개한 내용이 기록과 맞는가", "Do disclosed details match the entries?"),
    "statements": ("브랜드가 센 수와 같은가", "Do the brands' own counts agree?"),
}

# code: (check, Korean, English). "{...}" are filled in; `index` stands in front of the sentence.
FINDINGS = {
    "file-missing": ("files", "파일 {name} 이(가) 없습니다.", "The file {name} is missing."),
    "file-altered": (
        "files",
        "파일 {name} 의 내용이 목록의 SHA-256과 다릅니다.",
        "The file {name} is not what the manifest lists (SHA-256 or length).",
    ),
    "file-twice": (
        "files",
        "파일 {name} 이(가) 두 번 있습니다.",
        "The file {name} is in it twice.",
    ),
    "file-unlisted": (
        "files",
        "파일 {name} 은(는) 목록에 없습니다.",
        "The file {name} is not in the manifest.",
    ),
    "file-needed": (
        "files",
        "목록에 있어야 할 {name} 이(가) 없습니다.",
        "The manifest does not list {name}, which every bundle has.",
    ),
    "file-malformed": (
        "files",
        "파일 {name} 을(를) 읽을 수 없습니다: {why}.",
        "The file {name} is malformed: {why}.",
    ),
    "count-wrong": (
        "files",
        "목록은 {name} 에 {listed}줄이 있다고 하나 {found}줄이 있습니다.",
        "The manifest says {name} has {listed} lines; it has {found}.",
    ),
    "range-wrong": (
        "root",
        "기록이 {found}개인데 범위 {first}–{last} 에는 {expected}개가 있어야 합니다.",
        "There are {found} entries; the range {first} to {last} must hold {expected}.",
    ),
    "note-malformed": (
        "signature",
        "{name}: 서명된 노트가 아닙니다 ({why}).",
        "{name} is no signed checkpoint ({why}).",
    ),
    "signature-wrong": (
        "signature",
        "{name}: 아는 열쇠의 서명인데 맞지 않습니다.",
        "{name}: a signature in the name of a known key does not verify.",
    ),
    "signature-unknown": (
        "signature",
        "{name}: 아는 열쇠로 된 서명이 없습니다.",
        "{name}: no signature by a key that you trust.",
    ),
    "key-foreign": (
        "signature",
        "묶음의 policy.tlog 에 적힌 열쇠가 따로 받은 열쇠와 다릅니다.",
        "The keys in the bundle's policy.tlog are not the key that you hold.",
    ),
    "origin-wrong": (
        "signature",
        "{name}: 다른 로그({origin})의 체크포인트입니다.",
        "{name} is a checkpoint of another log ({origin}).",
    ),
    "size-wrong": (
        "signature",
        "{name}: 서명된 크기 {signed} 이(가) 목록의 {listed} 와(과) 다릅니다.",
        "{name}: the signed size {signed} is not the manifest's {listed}.",
    ),
    "root-wrong": (
        "root",
        "기록에서 계산한 뿌리가 서명된 뿌리와 다릅니다{where_ko}.",
        "The root computed from the entries is not the signed root{where_en}.",
    ),
    "edge-wrong": (
        "root",
        "범위의 왼쪽 가장자리(range.proof)가 올바르지 않습니다: {why}.",
        "The left edge of the range (range.proof) is wrong: {why}.",
    ),
    "consistency-wrong": (
        "history",
        "두 체크포인트를 잇는 증명이 맞지 않습니다: {why}.",
        "The consistency proof does not join the two checkpoints: {why}.",
    ),
    "history-rewritten": (
        "history",
        "크기 {size} 에서의 뿌리가 {name} 에 있는 것과 다릅니다. 지난 기록이 바뀌었습니다.",
        "At size {size} the root is not the one in {name}: history was rewritten.",
    ),
    "log-shorter": (
        "history",
        "{name} 은(는) 크기 {size} 인데 이 묶음은 {last} 에서 끝납니다.",
        "{name} has size {size}, but this bundle ends at {last}.",
    ),
    "not-covered": (
        "history",
        "{name}(크기 {size})부터 이 묶음의 처음({first})까지가 빠져 있어 이어지는지 볼 수 없습니다.",
        "Between {name} (size {size}) and the start of this bundle ({first}) entries are missing.",
    ),
    "leaf-malformed": (
        "leaves",
        "기록의 꼴이 올바르지 않습니다: {why}.",
        "The entry is malformed: {why}.",
    ),
    "event-twice": (
        "leaves",
        "같은 사건 번호가 두 번 나옵니다.",
        "The same event id occurs twice.",
    ),
    "export-missing": (
        "leaves",
        "이 내보내기 자체의 기록(export.made)이 범위 안에 없습니다.",
        "The entry of this very export (export.made) is not where the manifest says.",
    ),
    "field-unknown": (
        "leaves",
        "이 검증기가 모르는 항목 {name} 이(가) 있습니다.",
        "It has a field {name} that this verifier does not know.",
    ),
    "grant-unnamed": ("epochs", "동의 번호가 없습니다.", "It names no grant."),
    "grant-unknown": (
        "epochs",
        "주어진 적 없는 동의를 바꿉니다.",
        "It changes a grant that was never given.",
    ),
    "grant-twice": (
        "epochs",
        "이미 있는 동의를 다시 줍니다.",
        "It gives a grant that exists already.",
    ),
    "epoch-reused": (
        "epochs",
        "회차 {epoch} 을(를) 다시 엽니다 (마지막은 {last}).",
        "It opens epoch {epoch}, but {last} was reached already: epochs are never used again.",
    ),
    "epoch-two-open": (
        "epochs",
        "회차 {last} 이(가) 열려 있는데 {epoch} 을(를) 엽니다.",
        "It opens epoch {epoch} while {last} is open.",
    ),
    "epoch-not-open": (
        "epochs",
        "열려 있지 않은 회차 {epoch} 을(를) 닫습니다.",
        "It closes epoch {epoch}, which is not open.",
    ),
    "epoch-left-open": (
        "epochs",
        "끝내거나 멈추면서 회차 {epoch} 을(를) 닫지 않습니다.",
        "It ends or stops without closing epoch {epoch}.",
    ),
    "opened-after-end": (
        "epochs",
        "끝난 동의를 다시 엽니다.",
        "It opens a grant that had ended.",
    ),
    "ended-twice": ("epochs", "이미 끝난 동의를 또 끝냅니다.", "It ends a grant that had ended."),
    "opening-incomplete": (
        "epochs",
        "여는 기록에 {name} 이(가) 없습니다.",
        "It opens an epoch without saying {name}.",
    ),
    "scope-grew": (
        "epochs",
        "새 동의 없이 범위가 넓어졌습니다 ({name}).",
        "What it allows grew without a new consent ({name}).",
    ),
    "read-incomplete": (
        "reads",
        "열람 기록에 {name} 이(가) 없습니다.",
        "The read does not say its {name}.",
    ),
    "read-without-grant": (
        "reads",
        "주어진 적 없는 동의로 읽었습니다.",
        "It was read under a grant that was never given.",
    ),
    "read-after-end": (
        "reads",
        "동의가 끝난 뒤에 읽었습니다.",
        "It was read after the grant had ended.",
    ),
    "read-while-closed": (
        "reads",
        "동의가 닫혀 있을 때(멈춤) 읽었습니다.",
        "It was read while the grant was closed (paused or suspended).",
    ),
    "read-other-epoch": (
        "reads",
        "회차 {epoch} 으로 읽었으나 열린 회차는 {last} 입니다.",
        "It was read under epoch {epoch}, but {last} was open.",
    ),
    "read-category": (
        "reads",
        "동의하지 않은 항목 {name} 을(를) 읽었습니다.",
        "It reads the category {name}, which was not granted.",
    ),
    "read-purpose": (
        "reads",
        "다른 목적({name})으로 읽었습니다.",
        "It was read for the purpose {name}, which is not the granted one.",
    ),
    "read-action": (
        "reads",
        "허락하지 않은 일({name})을 했습니다.",
        "It did what was not granted ({name}).",
    ),
    "read-too-early": (
        "reads",
        "동의 기간이 시작되기 전에 읽었습니다.",
        "It was read before the span began.",
    ),
    "read-too-late": (
        "reads",
        "동의 기간이 지난 뒤에 읽었습니다.",
        "It was read when the time had run out.",
    ),
    "read-other-partner": (
        "reads",
        "다른 브랜드의 동의로 읽었습니다.",
        "It was read by a brand that is not the grant's.",
    ),
    "partner-unknown": (
        "partners",
        "등록된 적 없는 브랜드입니다.",
        "The brand was never registered.",
    ),
    "partner-closed": (
        "partners",
        "브랜드가 멈춰 있거나 등록이 끝났을 때 읽었습니다.",
        "The brand was suspended or deregistered when it read.",
    ),
    "partner-other-epoch": (
        "partners",
        "브랜드 회차 {epoch} 으로 읽었으나 열린 회차는 {last} 입니다.",
        "It was read under the brand's epoch {epoch}, but {last} was open.",
    ),
    "partner-epoch-wrong": (
        "partners",
        "브랜드의 회차가 바르게 열리거나 닫히지 않습니다 ({epoch}, 마지막 {last}).",
        "The brand's epoch {epoch} opens or closes out of order (last {last}).",
    ),
    "client-revoked": (
        "partners",
        "막은 프로그램(client)이 읽었습니다.",
        "A client that was shut out has read.",
    ),
    "after-erasure": (
        "erasures",
        "지운 저장소에 대한 기록입니다.",
        "It happened to a pod that had been erased.",
    ),
    "key-after-destruction": (
        "erasures",
        "없앤 열쇠가 다시 쓰였습니다.",
        "It uses a key or hold that had been destroyed.",
    ),
    "erasures-wrong": (
        "erasures",
        "erasures.ndjson 이(가) 기록과 다릅니다.",
        "erasures.ndjson does not list the erasures that the entries tell.",
    ),
    "tally-wrong": (
        "tallies",
        "가리키는 거절이 없습니다.",
        "It counts repetitions of a refusal that is not there.",
    ),
    "tally-empty": ("tallies", "센 수가 없습니다.", "It counts repetitions and gives no number."),
    "of-wrong": (
        "tallies",
        "가리키는 열람이 없습니다.",
        "It belongs to a read that is not there.",
    ),
    "of-unchecked": (
        "tallies",
        "가리키는 기록이 너무 오래되어 확인하지 못했습니다.",
        "What it refers to is too far back to be looked up.",
    ),
    "time-backwards": (
        "times",
        "시각이 {seconds}초 뒤로 갑니다.",
        "The time goes back by {seconds} seconds.",
    ),
    "time-future": ("times", "아직 오지 않은 시각입니다.", "The time lies in the future."),
    "time-of-id": (
        "times",
        "사건 번호 속의 시각과 {seconds}초 다릅니다.",
        "The time differs by {seconds} seconds from the one in its event id.",
    ),
    "silence": (
        "times",
        "이 기록 앞에 {seconds}초 동안 아무 기록도 없습니다 (약속: 60초).",
        "Before it nothing was written for {seconds} seconds (promised: 60).",
    ),
    "opening-wrong": (
        "openings",
        "공개한 내용이 기록의 확약값과 다릅니다.",
        "The disclosed detail is not the one that the entry commits to.",
    ),
    "opening-nowhere": (
        "openings",
        "공개한 내용에 맞는 기록이 없습니다.",
        "The disclosed detail belongs to no entry here that commits to one.",
    ),
    "statement-more": (
        "statements",
        "브랜드 {name} 은(는) {theirs}번 받았다고 하나 기록은 {ours}번입니다: 적히지 않은 열람입니다.",
        "Brand {name} received {theirs} answers, the log has {ours}: reads that were not logged.",
    ),
    "statement-fewer": (
        "statements",
        "브랜드 {name} 은(는) {theirs}번이라 하고 기록은 {ours}번입니다.",
        "Brand {name} counts {theirs}, the log {ours}.",
    ),
}

TEXTS = {
    "verified": ("확인했습니다. 어긋난 것이 없습니다.", "Verified. Nothing is amiss."),
    "failed": ("어긋난 것을 찾았습니다.", "Something is amiss."),
    "first": ("처음 어긋난 것", "First counter-example"),
    "log": ("로그", "Log"),
    "range": ("범위", "Range"),
    "cut": ("서명된 크기", "Signed size"),
    "key_here": (
        "열쇠는 이 묶음에 든 것을 썼습니다. 따로 받은 열쇠와 같은지 보십시오 (--key):",
        "The key is the bundle's own. Compare it with the one you got elsewhere (--key):",
    ),
    "key_given": ("따로 받은 열쇠로 확인했습니다:", "Checked with the key that you hold:"),
    "unproven": (
        "시작할 때의 상태는 증명되지 않았습니다: 동의 {n}건",
        "State at the start not proven: {n} grants",
    ),
    "hidden": (
        "내용 없이 해시만 있는 기록 {n}건: 그 기록의 규칙은 확인할 수 없습니다",
        "{n} entries are given as hashes only: the rules cannot be checked for them",
    ),
    "not_checked": ("확인 안 함", "not checked"),
    "warnings": ("주의", "Warnings"),
    "more": ("… 그 밖에 {n}건", "… and {n} more"),
    "state_written": ("상태를 적었습니다", "State written to"),
    "named": (
        "로그가 증명하지 않는 파일(목록의 해시만 확인): {names}",
        "Files that the log does not prove (hash in the manifest only): {names}",
    ),
}


class Unreadable(Exception):
    """This is no bundle, or the command line makes no sense: exit code 2."""


class Malformed(Exception):
    """Bytes are not in the one form they should have; the message says why."""


class BadSignature(Exception):
    """A signature in the name of a known key does not verify."""


class NoKnownKey(Exception):
    """No signature by a known key."""


# ---------------------------------------------------------------------------------------------
# Ed25519, verification only (RFC 8032 section 5.1.7, without cofactor, canonical forms only)

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _add(one, two):
    # Extended homogeneous coordinates (X, Y, Z, T), x = X/Z, y = Y/Z, xy = T/Z.
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = two
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * t1 * t2 * D % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _compress(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


BASE = _decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verifies(public, message, signature):
    """Return whether this is the key's signature of the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point = _decompress(public)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % ORDER
    minus = (P - point[0], point[1], 1, P - point[3])
    return _compress(_add(_times(s, BASE), _times(k, minus))) == signature[:32]


# ---------------------------------------------------------------------------------------------
# Signed notes, keys, checkpoints, policies (c2sp.org/signed-note, tlog-checkpoint, tlog-policy)


def from_base64(text, length=None):
    """Return the bytes of one strict, padded base64 text."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if base64.b64encode(data).decode() != text or (length is not None and len(data) != length):
        raise Malformed("not base64 of the right length")
    return data


class Key:
    """The public half of the key that a log signs with."""

    def __init__(self, vkey):
        name, plus, rest = vkey.partition("+")
        key_id, second, encoded = rest.partition("+")
        if not (plus and second and name) or any(c.isspace() for c in name):
            raise Malformed("a key is name+id+base64")
        typed = from_base64(encoded, 33)
        if typed[0] != 1:
            raise Malformed("not an Ed25519 key")
        self.name, self.public, self.text = name, typed[1:], vkey
        self.id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
        if self.id.hex() != key_id:
            raise Malformed("the id of the key is not its own")


def keys_of(text):
    """Return the log keys of a policy file, or of lines that are one key each."""
    keys = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            keys.append(Key(words[1]))
        elif len(words) == 1 and words[0].count("+") >= 2:
            keys.append(Key(words[0]))
        elif words[0] not in ("witness", "group", "quorum"):
            raise Malformed("not a line of a policy")
    if not keys:
        raise Malformed("no log key in it")
    return keys


class Checkpoint:
    """What a log signed: its name, how large it is, and the root over all of it."""

    def __init__(self, data, keys):
        self.note = data
        self.text, lines = split_note(data)
        rows = self.text.split("\n")
        if len(rows) < 4 or not all(rows[:-1]):
            raise Malformed("a checkpoint is three lines or more")
        if not re.fullmatch("0|[1-9][0-9]{0,18}", rows[1], re.ASCII):
            raise Malformed("its size is no number")
        self.origin, self.size, self.root = rows[0], int(rows[1]), from_base64(rows[2], 32)
        self._check(lines, keys)

    def _check(self, lines, keys):
        known = {(key.name, key.id): key for key in keys}
        good = 0
        for name, blob in lines:
            key = known.get((name, blob[:4]))
            if key is None:
                continue  # a witness, or a key we have not heard of
            if not ed25519_verifies(key.public, self.text.encode(), blob[4:]):
                raise BadSignature
            good += 1
        if not good:
            raise NoKnownKey


def split_note(data):
    """Return the text of a signed note and its lines as (name, key id and signature)."""
    try:
        note = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    text, divider, rest = note.rpartition("\n\n")
    if not divider or not rest.endswith("\n") or any(c < " " and c != "\n" for c in note):
        raise Malformed("no signatures after a blank line")
    lines = []
    for line in rest[:-1].split("\n"):
        dash, name, blob = (line.split(" ") + ["", ""])[:3]
        if dash != "\u2014" or not name or "+" in name or line.count(" ") != 2:
            raise Malformed("a signature line is dash, name, signature")
        signature = from_base64(blob)
        if len(signature) < 5:
            raise Malformed("a signature is too short")
        lines.append((name, signature))
    return text + "\n", lines


# ---------------------------------------------------------------------------------------------
# The tree (RFC 6962 section 2.1)

EMPTY_ROOT = hashlib.sha256(b"").digest()
_sha256 = hashlib.sha256


def node_hash(left, right):
    """Return the hash of two subtrees."""
    return _sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that only grows: the roots of its complete subtrees, largest first."""

    def __init__(self, size=0, hashes=()):
        self.size, self.stack = size, list(hashes)

    def add(self, carried, width_bits=0):
        """Grow by a complete subtree of 2^width_bits leaves."""
        size = self.size >> width_bits
        while size & 1:
            carried = _sha256(b"\x01" + self.stack.pop() + carried).digest()
            size >>= 1
        self.stack.append(carried)
        self.size += 1 << width_bits

    def root(self):
        """Return the root of the whole tree."""
        if not self.stack:
            return EMPTY_ROOT
        found = self.stack[-1]
        for left in self.stack[-2::-1]:
            found = node_hash(left, found)
        return found


def root_of_block(hashes):
    """Return the root over 256 hashes of leaves."""
    while len(hashes) > 1:
        pairs = iter(hashes)
        hashes = [_sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs)]
    return hashes[0]


def check_consistency(old, new, old_root, new_root, proof):
    """Check that the tree of `old` leaves is the beginning of the one of `new` (RFC 9162 2.1.4.2)."""
    if old == 0 or old > new:
        raise Malformed("a proof needs sizes that grow from 1")
    if old == new:
        if proof or old_root != new_root:
            raise Malformed("the same size has another root")
        return
    if not proof:
        raise Malformed("the proof is empty")
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    was = now = path[0]
    for each in path[1:]:
        if last == 0:
            raise Malformed("the proof is too long")
        if position & 1 or position == last:
            was, now = node_hash(each, was), node_hash(each, now)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            now = node_hash(now, each)
        position, last = position >> 1, last >> 1
    if last:
        raise Malformed("the proof is too short")
    if was != old_root:
        raise Malformed("it leads to another old root")
    if now != new_root:
        raise Malformed("it leads to another new root")


# ---------------------------------------------------------------------------------------------
# Strict JSON


def _pairs(pairs):
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("the same key twice")
    return fields


def _refuse(text):
    raise Malformed("a number that is not whole")


_scan = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_refuse, parse_constant=_refuse
).raw_decode


def parse(text):
    """Return what a JSON text says; refuse double keys, fractions and anything around it."""
    try:
        found, end = _scan(text)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    if end != len(text):
        raise Malformed("something follows the JSON")
    return found


_scan_leaf = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).raw_decode
_encode_leaf = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False
).encode


def parse_leaf(line):
    """Return what a leaf says; only the one form that is ever written is one."""
    try:
        text = line.decode("ascii")
        found, _ = _scan_leaf(text)
        # Double keys, blanks, another order: none of them survives the round trip.
        if _encode_leaf(found) != text:
            raise Malformed("not in the one form that is written")
    except (ValueError, RecursionError):
        raise Malformed("not JSON in ASCII") from None
    return found


def parse_line(line):
    """Return the object on one line of an ndjson file."""
    try:
        found = parse(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("not UTF-8") from None
    if not isinstance(found, dict):
        raise Malformed("not an object")
    return found


# ---------------------------------------------------------------------------------------------
# The bundle: a directory or a .zip, read once from front to back


# What reading a damaged, encrypted or strange archive may raise.
BROKEN = (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, KeyError)


class Bundle:
    """Gives the files of a bundle by name."""

    def __init__(self, path):
        self.archive = None
        self.twice = []
        self.path = path
        try:
            if os.path.isdir(path):
                self.names = {
                    name for name in os.listdir(path) if os.path.isfile(os.path.join(path, name))
                }
            else:
                self.archive = zipfile.ZipFile(path)
                listed = [name for name in self.archive.namelist() if not name.endswith("/")]
                self.names = set(listed)
                self.twice = sorted(name for name, n in Counter(listed).items() if n > 1)
        except BROKEN as error:
            raise Unreadable(f"{path}: {error}") from None

    def open(self, name):
        """Return a stream over one file. Raises Malformed."""
        try:
            if self.archive is not None:
                return Stream(self.archive.open(name))
            return Stream(open(os.path.join(self.path, name), "rb", buffering=0))
        except BROKEN:
            raise Malformed("it cannot be opened") from None

    def small(self, name, limit=4_000_000):
        """Return a file as a whole. Raises Malformed."""
        with self.open(name) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise Malformed("too large")
        return data


class Stream:
    """The bytes of one file."""

    def __init__(self, stream):
        self.stream = stream

    def read(self, size):
        """Return up to `size` bytes. Raises Malformed where the archive is damaged."""
        try:
            return self.stream.read(size)
        except BROKEN:
            raise Malformed("it cannot be read to its end") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Let go of the file."""
        self.stream.close()


class Lines:
    """The lines of one file, with what the manifest wants to know about it."""

    def __init__(self, stream, on_bytes=None):
        self.stream, self.on_bytes = stream, on_bytes
        self.digest, self.bytes, self.count = hashlib.sha256(), 0, 0

    def __iter__(self):
        tail = b""
        while True:
            chunk = self.stream.read(1 << 18)
            if not chunk:
                break
            self.digest.update(chunk)
            self.bytes += len(chunk)
            if self.on_bytes:
                self.on_bytes(self.bytes)
            lines = (tail + chunk).split(b"\n")
            tail = lines.pop()
            if len(tail) > 1 << 24:
                raise Malformed("a line without end")
            self.count += len(lines)
            for line in lines:
                yield line
        if tail:
            raise Malformed("the last line has no end")

    def drain(self):
        """Read what is left."""
        for _ in self:
            pass


# ---------------------------------------------------------------------------------------------
# Times

_moment = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z", re.ASCII
).fullmatch
_minutes = {}


def milliseconds(text):
    """Return the moment as milliseconds since 1970."""
    if not isinstance(text, str) or not _moment(text):
        raise Malformed("not a moment in UTC with milliseconds")
    minute = _minutes.get(text[:16])
    if minute is None:
        try:
            minute = calendar.timegm(time.strptime(text[:16], "%Y-%m-%dT%H:%M")) * 1000
        except ValueError:
            raise Malformed("no such day") from None
        if len(_minutes) > 50_000:
            _minutes.clear()
        _minutes[text[:16]] = minute
    return minute + int(text[17:19]) * 1000 + int(text[20:23])


def in_words(moment, offset=0):
    """Return a moment in ms as text; `offset` is in hours."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment // 1000 + offset * 3600))


# ---------------------------------------------------------------------------------------------
# What was found


class Findings:
    """Counts every finding and warning, keeps the first hundred of each."""

    def __init__(self):
        self.counts, self.warning_counts = Counter(), Counter()
        self.kept, self.warnings = [], []

    def add(self, code, index=None, **values):
        """Note that something is wrong."""
        self.counts[code] += 1
        if len(self.kept) < KEPT_FINDINGS:
            self.kept.append((code, index, values))

    def warn(self, code, index=None, **values):
        """Note that something should be looked at."""
        self.warning_counts[code] += 1
        if len(self.warnings) < KEPT_FINDINGS:
            self.warnings.append((code, index, values))


class Recent:
    """The kinds of the last 100,000 to 200,000 ids; older ones are forgotten."""

    def __init__(self):
        self.young, self.old, self.forgot = {}, {}, False

    def add(self, name, kind):
        """Remember."""
        self.young[name] = kind
        if len(self.young) >= KEPT_IDS:
            self.forgot = self.forgot or bool(self.old)
            self.old, self.young = self.young, {}

    def get(self, name):
        """Return the kind, or None."""
        return self.young.get(name) or self.old.get(name)


# ---------------------------------------------------------------------------------------------
# The rules

FIELDS = frozenset(
    "v id time type actor grant request pod key partner client account delivery obligation hold"
    " journey alliance opens closes epoch partner_epoch repeats count first size purpose reason kind law outcome"
    " categories actions from until policy notice commitment root of repeat_of".split()
)
REFERENCES = (
    "grant",
    "request",
    "pod",
    "key",
    "partner",
    "client",
    "account",
    "hold",
    "journey",
    "alliance",
)
COUNTS = ("opens", "closes", "epoch", "partner_epoch", "repeats", "count", "first", "size")
ENDS = frozenset(
    "grant." + kind for kind in "withdrawn revoked expired consumed superseded invalidated".split()
)
STOPS = frozenset(("grant.paused", "grant.suspended"))
NARROWS = frozenset(("grant.narrowed", "grant.item_ended"))
PARTNER_STOPS = frozenset(("partner.suspended", "partner.deregistered"))
ACTIONS = {"record.read": "read", "record.contributed": "contribute"}
ERASING = frozenset(("pod.erased", "category.erased", "key.destroyed", "hold.destroyed"))
# What may not happen to a pod any more once it is erased.
AFTER_ERASURE = ("record", "pod", "category", "rule")

_event_id = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.ASCII
).fullmatch
_reference = re.compile(r"[0-9a-f]{32}", re.ASCII).fullmatch

# The state of a grant: an int is the last epoch of one that ended; a tuple is one that has not:
EPOCH, OPEN, TERMS, FROM, UNTIL, PARTNER, CEILING, CEILING_UNTIL = range(8)
# (last epoch, whether it is open, (purpose, categories, actions) or None where unproven, ms, ms,
#  the partner's reference once known, the most it may be opened to again, until when)


class Rules:
    """Everything that must hold from entry to entry, in the order of their indexes."""

    def __init__(self, found, partial):
        self.found = found
        self.partial = partial  # what was live at the start is not known
        self.unproven = set()
        self.grants, self.partners = {}, {}
        self.terms = {}
        self.revoked_clients, self.erased, self.destroyed = set(), set(), set()
        self.ids = Recent()
        self.latest = None
        self.latest_text = None
        self.now = int(time.time() * 1000) + SILENCE_FINDING
        self.types = Counter()
        self.handlers = {}
        self.export = None
        self.exports = {}
        self.statements = {}

    def entry(self, index, line):
        """Check one leaf and return its fields, or None where it is malformed."""
        try:
            leaf, moment = self._read_leaf(line)
            self.types[leaf["type"]] += 1
            self._time(index, leaf, moment)
            self._identity(index, leaf, moment)
            if "pod" in leaf and leaf["pod"] in self.erased:
                self._after_erasure(index, leaf)
            handler = self.handlers.get(leaf["type"]) or self._handler(leaf["type"])
            handler(index, leaf, moment)
        except Malformed as why:
            self.found.add("leaf-malformed", index, why=str(why))
            return None
        except (TypeError, ValueError, KeyError, AttributeError):
            self.found.add("leaf-malformed", index, why="a field of another kind")
            return None
        return leaf

    def _read_leaf(self, line):
        if len(line) > LEAF_LIMIT:
            raise Malformed("longer than 4 KiB")
        leaf = parse_leaf(line)
        if not isinstance(leaf, dict) or leaf.get("v") != 1 or leaf["v"] is True:
            raise Malformed("not an object of version 1")
        actor = leaf.get("actor")
        if not isinstance(actor, dict) or not isinstance(actor.get("role"), str):
            raise Malformed("no actor")
        if not isinstance(leaf.get("type"), str):
            raise Malformed("no type")
        for name in REFERENCES:
            if name in leaf and not (isinstance(leaf[name], str) and _reference(leaf[name])):
                raise Malformed(name + " is no reference")
        for name in COUNTS:
            if name in leaf and not (type(leaf[name]) is int and 0 <= leaf[name] <= LARGEST):
                raise Malformed(name + " is no count")
        return leaf, milliseconds(leaf.get("time"))

    def _time(self, index, leaf, moment):
        latest = self.latest
        if latest is None:
            self.latest, self.latest_text = moment, leaf["time"]
            return
        if moment < latest:
            if latest - moment > BACKWARDS_FINDING:
                self.found.add("time-backwards", index, seconds=(latest - moment) // 1000)
            elif latest - moment > BACKWARDS_WARNING:
                self.found.warn("time-backwards", index, seconds=(latest - moment) // 1000)
            return
        if moment > self.now:
            self._time_ahead(index, moment)
            return
        if moment - latest > SILENCE_FINDING:
            self.found.add("silence", index, seconds=(moment - latest) // 1000)
        elif moment - latest > SILENCE_WARNING:
            self.found.warn("silence", index, seconds=(moment - latest) // 1000)
        self.latest, self.latest_text = moment, leaf["time"]

    def _time_ahead(self, index, moment):
        # Ours may be the clock that is wrong; a day is no matter of clocks.
        if moment > self.now + 86_400_000:
            self.found.add("time-future", index)
        else:
            self.found.warn("time-future", index)

    def _identity(self, index, leaf, moment):
        name = leaf.get("id")
        if not isinstance(name, str) or not _event_id(name):
            raise Malformed("no event id")
        of_id = int(name[:8] + name[9:13], 16)
        if abs(of_id - moment) > BACKWARDS_WARNING:
            self.found.warn("time-of-id", index, seconds=abs(of_id - moment) // 1000)
        name = int(name[19:23] + name[24:], 16)  # 62 random bits
        ids = self.ids
        if name in ids.young or name in ids.old:
            self.found.add("event-twice", index)
        if not leaf.keys() <= FIELDS:
            self.found.warn("field-unknown", index, name=min(leaf.keys() - FIELDS))
        repeated = "repeats" in leaf
        if repeated:
            self._tally(index, leaf)
        elif leaf.get("outcome") == "refused":
            self._count(leaf, moment, "refused", 1)
        # A tally is no refusal of its own that others could count on.
        kind = "tally" if repeated else leaf.get("outcome", "") + leaf["type"]
        ids.add(name, sys.intern(kind))

    def _tally(self, index, leaf):
        if not leaf["repeats"]:
            self.found.add("tally-empty", index)
        self._refers(index, leaf, "of", "refused" + leaf["type"], "tally-wrong")
        self._count(leaf, self.latest, "refused", leaf["repeats"])

    def _refers(self, index, leaf, field, kind, code):
        name = leaf.get(field)
        if not isinstance(name, str) or not _event_id(name):
            self.found.add(code, index)
            return
        known = self.ids.get(int(name[19:23] + name[24:], 16))
        if known == kind:
            return
        if known is None and (self.ids.forgot or self.partial):
            self.found.warn("of-unchecked", index)
        else:
            self.found.add(code, index)

    def _count(self, leaf, moment, what, number):
        for statement in self.statements.get(leaf["actor"].get("partner"), ()):
            if statement["begins"] <= moment < statement["ends"]:
                statement[what] += number

    def _after_erasure(self, index, leaf):
        if leaf["type"].partition(".")[0] in AFTER_ERASURE:
            self.found.add("after-erasure", index)

    def _handler(self, kind):
        """Find the rule for a type of entry, and remember it."""
        family = kind.partition(".")[0]
        by_type = {
            "record.read": self._read,
            "record.contributed": self._read,
            "record.failed": self._failed,
            "pod.erased": self._pod_erased,
            "export.made": self._export_made,
            "client.revoked": self._client_revoked,
        }
        by_family = {
            "grant": self._grant,
            "partner": self._partner,
            "key": self._key,
            "hold": self._key,
        }
        found = by_type.get(kind) or by_family.get(family) or self._nothing
        self.handlers[kind] = found
        return found

    def _nothing(self, index, leaf, moment):
        pass

    # Grants

    def _grant(self, index, leaf, moment):
        name = leaf.get("grant")
        if name is None:
            self.found.add("grant-unnamed", index)
            return
        name = bytes.fromhex(name)
        state = self.grants.get(name)
        kind = leaf["type"]
        if state is None:
            state = self._first_of_grant(index, leaf, kind, name)
        elif kind == "grant.given":
            self.found.add("grant-twice", index)
        if type(state) is int:
            self._after_end(index, leaf, kind)
            return
        if "closes" in leaf:
            state = self._close(index, state, leaf["closes"])
        if "opens" in leaf:
            state = self._open(index, state, leaf, kind)
        if kind in ENDS or kind in STOPS:
            if state[OPEN]:
                self.found.add("epoch-left-open", index, epoch=state[EPOCH])
                state = (state[EPOCH], False) + state[TERMS:]
        self.grants[name] = state[EPOCH] if kind in ENDS else state

    def _first_of_grant(self, index, leaf, kind, name):
        closed = (0, False, None, 0, 0, None, None, 0)
        if kind == "grant.given":
            return closed
        if not self.partial:
            self.found.add("grant-unknown", index)
            return closed
        self.unproven.add(name)
        # It was given before this range began: believe that it was as this entry found it.
        return (leaf["closes"], True) + closed[TERMS:] if "closes" in leaf else closed

    def _after_end(self, index, leaf, kind):
        if "opens" in leaf:
            self.found.add("opened-after-end", index)
        elif "closes" in leaf:
            self.found.add("epoch-not-open", index, epoch=leaf["closes"])
        elif kind in ENDS:
            self.found.add("ended-twice", index)

    def _close(self, index, state, epoch):
        if not state[OPEN] or state[EPOCH] != epoch:
            self.found.add("epoch-not-open", index, epoch=epoch)
        # Closing too much harms nobody: go on as if it were closed.
        return (max(state[EPOCH], epoch), False) + state[TERMS:]

    def _open(self, index, state, leaf, kind):
        epoch = leaf["opens"]
        if state[OPEN]:
            self.found.add("epoch-two-open", index, epoch=epoch, last=state[EPOCH])
        elif epoch <= state[EPOCH]:
            self.found.add("epoch-reused", index, epoch=epoch, last=state[EPOCH])
        terms = self._terms(index, leaf)
        if terms is None:
            return (epoch, True) + state[TERMS:]
        begins, ends = milliseconds(leaf["from"]), milliseconds(leaf["until"])
        ceiling, ceiling_until = state[CEILING], state[CEILING_UNTIL]
        if ceiling is not None:
            self._within(index, terms, ends, ceiling, ceiling_until)
        if ceiling is None or kind in NARROWS:
            ceiling, ceiling_until = terms, ends
        return (epoch, True, terms, begins, ends, leaf.get("partner") or state[PARTNER],
                ceiling, ceiling_until)  # fmt: skip

    def _terms(self, index, leaf):
        for name in ("purpose", "categories", "actions", "from", "until"):
            if name not in leaf:
                self.found.add("opening-incomplete", index, name=name)
                return None
        terms = (leaf["purpose"], words(leaf["categories"]), words(leaf["actions"]))
        return self.terms.setdefault(terms, terms)

    def _within(self, index, terms, ends, ceiling, ceiling_until):
        for one, most, name in zip(terms, ceiling, ("purpose", "categories", "actions")):
            if one != most if name == "purpose" else not one <= most:
                self.found.add("scope-grew", index, name=name)
        if ends > ceiling_until:
            self.found.add("scope-grew", index, name="until")

    # Reads

    def _read(self, index, leaf, moment):
        for name in ("grant", "epoch", "partner_epoch", "purpose", "categories"):
            if name not in leaf:
                self.found.add("read-incomplete", index, name=name)
                return
        actor = leaf["actor"]
        partner = actor.get("partner")
        name = bytes.fromhex(leaf["grant"])
        state = self.grants.get(name)
        if state is None:
            state = self._read_of_unknown(index, leaf, name)
        elif type(state) is int:
            self.found.add("read-after-end", index)
            state = None
        if state is not None:
            self._read_within(index, leaf, moment, name, state, partner)
        self._read_by_partner(index, leaf, partner, actor)
        self._count(leaf, moment, "reads", 1)
        if "repeat_of" in leaf:
            self._refers(index, leaf, "repeat_of", "ok" + leaf["type"], "of-wrong")

    def _read_of_unknown(self, index, leaf, name):
        if not self.partial:
            self.found.add("read-without-grant", index)
            return None
        self.unproven.add(name)
        state = (leaf["epoch"], True, None, 0, 0, None, None, 0)
        self.grants[name] = state
        return state

    def _read_within(self, index, leaf, moment, name, state, partner):
        epoch, is_open, terms, begins, ends, of = state[:6]
        if not is_open:
            self.found.add("read-while-closed", index)
            return
        if leaf["epoch"] != epoch:
            self.found.add("read-other-epoch", index, epoch=leaf["epoch"], last=epoch)
            return
        if of is None:
            self.grants[name] = state[:PARTNER] + (sys.intern(partner or ""),) + state[CEILING:]
        elif of != partner:
            self.found.add("read-other-partner", index)
        if terms is None:
            return
        purpose, categories, actions = terms
        if leaf["purpose"] != purpose:
            self.found.add("read-purpose", index, name=leaf["purpose"])
        for category in leaf["categories"]:
            if category not in categories:
                self.found.add("read-category", index, name=category)
        if ACTIONS[leaf["type"]] not in actions:
            self.found.add("read-action", index, name=ACTIONS[leaf["type"]])
        if moment < begins:
            self.found.add("read-too-early", index)
        elif moment >= ends:
            self.found.add("read-too-late", index)

    def _read_by_partner(self, index, leaf, partner, actor):
        if actor.get("client") in self.revoked_clients:
            self.found.add("client-revoked", index)
        epoch = leaf["partner_epoch"]
        state = self.partners.get(partner)
        if state is None:
            if partner is None or not self.partial:
                self.found.add("partner-unknown", index)
            else:
                self.partners[partner] = (epoch, True)
        elif not state[OPEN]:
            self.found.add("partner-closed", index)
        elif state[EPOCH] != epoch:
            self.found.add("partner-other-epoch", index, epoch=epoch, last=state[EPOCH])

    def _failed(self, index, leaf, moment):
        if "of" in leaf:
            self._refers(index, leaf, "of", "okrecord.read", "of-wrong")
            self._count(leaf, moment, "reads", -1)

    # Partners

    def _partner(self, index, leaf, moment):
        name = leaf.get("partner")
        if name is None:
            raise Malformed("it names no partner")
        last, is_open = self.partners.get(name) or self._first_of_partner(index, leaf)
        closes, opens = leaf.get("closes"), leaf.get("opens")
        if closes is not None:
            if not is_open or closes != last:
                self.found.add("partner-epoch-wrong", index, epoch=closes, last=last)
            last, is_open = max(last, closes), False
        if opens is not None:
            if is_open or opens <= last:
                self.found.add("partner-epoch-wrong", index, epoch=opens, last=last)
            last, is_open = opens, True
        if is_open and leaf["type"] in PARTNER_STOPS:
            self.found.add("partner-epoch-wrong", index, epoch=last, last=last)
            is_open = False
        self.partners[name] = (last, is_open)
        if leaf.get("reason") == "client-revoked":
            self._client_revoked(index, leaf, moment)

    def _first_of_partner(self, index, leaf):
        if leaf["type"] == "partner.registered":
            return 0, False
        if not self.partial:
            self.found.add("partner-unknown", index)
        return (leaf["closes"], True) if self.partial and "closes" in leaf else (0, False)

    def _client_revoked(self, index, leaf, moment):
        client = leaf.get("client") or leaf["actor"].get("client")
        if client:
            self.revoked_clients.add(client)

    # Erasures

    def _pod_erased(self, index, leaf, moment):
        if "pod" in leaf:
            self.erased.add(leaf["pod"])

    def _key(self, index, leaf, moment):
        name = leaf.get("key") or leaf.get("hold")
        if name is None:
            return
        if name in self.destroyed:
            self.found.add("key-after-destruction", index)
        if leaf["type"].endswith(".destroyed"):
            self.destroyed.add(name)

    def _export_made(self, index, leaf, moment):
        if leaf.get("id") == self.export:
            self.exports[index] = leaf.get("first", 0)


def words(found):
    """Return a list of words as a set."""
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Malformed("not a list of words")
    return frozenset(found)


# ---------------------------------------------------------------------------------------------
# What the verifier remembers from one bundle to the next (--state)


class State:
    """A checkpoint that was verified, and every epoch that was open at it."""

    def __init__(self, header):
        self.origin, self.size = header["log"], header["size"]
        self.root = from_base64(header["root"], 32)
        self.keys = [Key(text) for text in header["keys"]]
        self.whole = header["whole"]
        self.latest = header["latest"]
        self.rows = []

    @classmethod
    def read(cls, path):
        """Read a state file. Raises Unreadable."""
        try:
            with open(path, "rb") as stream:
                lines = iter(stream)
                header = parse_line(next(lines).rstrip(b"\n"))
                if header.get("format") != STATE_FORMAT:
                    raise Malformed("another format")
                state = cls(header)
                state.rows = [parse_line(line.rstrip(b"\n")) for line in lines]
            if len(state.rows) != header["rows"]:
                raise Malformed("cut off")
        except (Malformed, OSError, KeyError, TypeError, StopIteration) as error:
            raise Unreadable(f"{path}: {error}") from None
        return state

    def give(self, rules):
        """Let the rules begin where the state ends."""
        rules.latest = self.latest
        for row in self.rows:
            kind, name = row["is"], row["ref"]
            if kind == "grant":
                rules.grants[bytes.fromhex(name)] = self._grant(rules, row)
            elif kind == "partner":
                rules.partners[name] = (row["last"], row["open"])
            else:
                {"client": rules.revoked_clients, "pod": rules.erased, "key": rules.destroyed}[
                    kind
                ].add(name)
        self.rows = []

    def _grant(self, rules, row):
        if "open" not in row:
            return row["last"]
        terms, ceiling = (
            None if found is None else (found[0], frozenset(found[1]), frozenset(found[2]))
            for found in (row["terms"], row["ceiling"])
        )
        return (
            row["last"], row["open"],
            terms and rules.terms.setdefault(terms, terms), row["from"], row["until"],
            row["partner"], ceiling and rules.terms.setdefault(ceiling, ceiling),
            row["ceiling_until"],
        )  # fmt: skip


def state_rows(rules):
    """Yield what a state file says, one object a line."""
    for name, state in sorted(rules.grants.items()):
        row = {"is": "grant", "ref": name.hex()}
        if type(state) is int:
            row["last"] = state
        else:
            row.update(
                zip(
                    ("last", "open", "terms", "from", "until", "partner", "ceiling",
                     "ceiling_until"),
                    state,
                )
            )  # fmt: skip
            for key in ("terms", "ceiling"):
                if row[key] is not None:
                    row[key] = [row[key][0], sorted(row[key][1]), sorted(row[key][2])]
        yield row
    for name, (last, is_open) in sorted(rules.partners.items()):
        yield {"is": "partner", "ref": name, "last": last, "open": is_open}
    for kind, names in (
        ("client", rules.revoked_clients),
        ("pod", rules.erased),
        ("key", rules.destroyed),
    ):
        for name in sorted(names):
            yield {"is": kind, "ref": name}


def write_state(path, check):
    """Write what the next run may start from; a kill leaves the old file."""
    rules = check.rules
    rows = len(rules.grants) + len(rules.partners) + len(rules.revoked_clients)
    header = {
        "format": STATE_FORMAT,
        "log": check.last.origin,
        "size": check.last.size,
        "root": base64.b64encode(check.last.root).decode(),
        "keys": [key.text for key in check.keys],
        "whole": not rules.partial,
        "latest": rules.latest,
        "rows": rows + len(rules.erased) + len(rules.destroyed),
    }
    partly = path + ".part"
    with open(partly, "w", encoding="ascii", newline="\n") as stream:
        stream.write(json.dumps(header, sort_keys=True) + "\n")
        for row in state_rows(rules):
            stream.write(json.dumps(row, separators=(",", ":"), sort_keys=True) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partly, path)


# ---------------------------------------------------------------------------------------------
# The whole check

STREAMED = ("leaves.ndjson", "openings.ndjson", "erasures.ndjson", "blocks.ndjson")
NEEDED = ("policy.tlog", "checkpoint-last.note", "leaves.ndjson", "erasures.ndjson")
PROVEN = frozenset(
    (*STREAMED, *NEEDED, "checkpoint-first.note", "consistency.proof", "range.proof",
     "entries.csv", "codes.csv", "verify.py", "verify.html", "README.txt", "\ubcf4\uace0\uc11c.html",
     "statements.ndjson")
)  # fmt: skip


class Check:
    """One bundle, checked from front to back."""

    def __init__(self, path, keys=None, state=None, checkpoints=(), on_progress=None):
        self.found = Findings()
        self.bundle = Bundle(path)
        self.manifest = self._manifest()
        self.keys_given = keys is not None or state is not None
        self.keys = keys or (state.keys if state else [])
        self.state, self.checkpoints = state, list(checkpoints)
        self.on_progress = on_progress or (lambda done, whole: None)
        self.first, self.size = self.manifest["first"], self.manifest["last"]
        self.files = self.manifest["files"]
        self.hidden = 0
        self.last = self.before = None
        self.not_checked = {}
        self.root = None
        self.statements = []
        self.watches = []
        self.wrong_block = None
        self.done, self.whole = 0, sum(each["bytes"] for each in self.files.values())
        self.names_unproven = sorted(set(self.files) - PROVEN)

    def _manifest(self):
        if "manifest.json" not in self.bundle.names:
            raise Unreadable("no manifest.json: this is no bundle")
        try:
            manifest = parse_line(self.bundle.small("manifest.json").strip())
            if manifest.get("format") != FORMAT:
                raise Malformed("another format")
            for name in ("first", "last", "hidden"):
                if type(manifest[name]) is not int or manifest[name] < 0:
                    raise Malformed(name + " is no count")
            for listed in manifest["files"].values():
                listed["bytes"] + 0, listed["sha256"] + "", listed.get("lines", 0) + 0
            manifest["log"] + "", manifest["export"] + ""
        except (Malformed, KeyError, TypeError, AttributeError) as error:
            raise Unreadable(f"manifest.json: {error}") from None
        return manifest

    def run(self):
        """Check everything; what was found is in `found`."""
        self._names()
        self._checkpoints()
        self._history()
        self.rules = Rules(self.found, partial=self._starts_unproven())
        self.rules.export = self.manifest["export"]
        self.begin = self.first
        if self._continues():
            self.begin = self.state.size
            self.state.give(self.rules)
        self._statements()
        self._stream()
        self._other_files()
        self._ends()
        return self

    # Files

    def _names(self):
        for name in self.bundle.twice:
            self.found.add("file-twice", name=name)
        for name in sorted(set(self.files) - self.bundle.names):
            self.found.add("file-missing", name=name)
        unlisted = self.bundle.names - set(self.files) - {"manifest.json"}
        for name in sorted(name for name in unlisted if not name.startswith(".")):
            self.found.warn("file-unlisted", name=name)
        needed = list(NEEDED) + ["range.proof"] * (self.first > 0)
        for name in needed:
            if name not in self.files:
                self.found.add("file-needed", name=name)

    def _has(self, name):
        return name in self.files and name in self.bundle.names

    def _small(self, name):
        """Return a small file, or None after a finding."""
        if not self._has(name):
            return None
        try:
            return self.bundle.small(name)
        except Malformed as why:
            self.found.add("file-malformed", name=name, why=str(why))
            return None

    def _listed(self, name, digest, size, lines):
        listed = self.files[name]
        if listed["sha256"] != digest.hexdigest() or listed["bytes"] != size:
            self.found.add("file-altered", name=name)
        if listed.get("lines", lines) != lines:
            self.found.add("count-wrong", name=name, listed=listed["lines"], found=lines)
        self.done += listed["bytes"]
        self.on_progress(self.done, self.whole)

    def _other_files(self):
        for name in sorted(set(self.files) - set(STREAMED)):
            if self._has(name):
                self._hash(name)

    def _hash(self, name):
        digest, size, lines = hashlib.sha256(), 0, 0
        try:
            with self.bundle.open(name) as stream:
                while True:
                    chunk = stream.read(1 << 18)
                    if not chunk:
                        break
                    digest.update(chunk)
                    size += len(chunk)
                    lines += chunk.count(b"\n")
        except Malformed:
            pass  # what was read of it differs from the list, and that is the finding
        self._listed(name, digest, size, lines)

    # Signatures

    def _checkpoints(self):
        self._policy()
        self.last = self._checkpoint("checkpoint-last.note", self._small("checkpoint-last.note"))
        if self.last and self.last.size != self.size:
            self.found.add("size-wrong", name="checkpoint-last.note", signed=self.last.size,
                           listed=self.size)  # fmt: skip
        if "checkpoint-first.note" in self.files:
            name = "checkpoint-first.note"
            self.before = self._checkpoint(name, self._small(name))

    def _policy(self):
        data = self._small("policy.tlog")
        if data is None:
            return
        try:
            keys = keys_of(data.decode("utf-8"))
        except (Malformed, UnicodeDecodeError) as why:
            self.found.add("file-malformed", name="policy.tlog", why=str(why))
            return
        if not self.keys:
            self.keys = keys
        elif not {key.text for key in keys} & {key.text for key in self.keys}:
            self.found.add("key-foreign")

    def _checkpoint(self, name, data):
        if data is None:
            return None
        try:
            checkpoint = Checkpoint(data, self.keys)
        except Malformed as why:
            self.found.add("note-malformed", name=name, why=str(why))
        except BadSignature:
            self.found.add("signature-wrong", name=name)
        except NoKnownKey:
            self.found.add("signature-unknown", name=name)
        else:
            if checkpoint.origin == self.manifest["log"]:
                return checkpoint
            self.found.add("origin-wrong", name=name, origin=checkpoint.origin)
        return None

    # History

    def _history(self):
        if self.before:
            self._consistency()
            self._watch(self.before.size, self.before.root, "checkpoint-first.note")
        for name, data in self.checkpoints:
            held = self._checkpoint(name, data)
            if held:
                self._held(held.size, held.root, name)
        if self.state:
            if self.state.origin != self.manifest["log"]:
                self.found.add("origin-wrong", name="--state", origin=self.state.origin)
            self._held(self.state.size, self.state.root, "--state")

    def _consistency(self):
        data = self._small("consistency.proof")
        if data is None or not self.last:
            if "consistency.proof" not in self.files:
                self.found.add("file-needed", name="consistency.proof")
            return
        try:
            old, proof, note = read_consistency(data)
            if old != self.before.size or note != self.last.note:
                raise Malformed("it is about other checkpoints")
            check_consistency(old, self.last.size, self.before.root, self.last.root, proof)
        except Malformed as why:
            self.found.add("consistency-wrong", why=str(why))

    def _held(self, size, root, name):
        """Compare with what the reader held before."""
        if size > self.size:
            self.found.add("log-shorter", name=name, size=size, last=self.size)
        elif size >= self.first:
            self._watch(size, root, name)
        elif self.before and self.before.size == size:
            if self.before.root != root:
                self.found.add("history-rewritten", name=name, size=size)
        else:
            self.found.add("not-covered", name=name, size=size, first=self.first)

    def _watch(self, size, root, name):
        if self.first <= size <= self.size:
            self.watches.append((size, root, name))

    def _starts_unproven(self):
        if self.manifest["hidden"]:
            return True
        if self._continues():
            return not self.state.whole
        return self.first > 0

    def _continues(self):
        """Whether the rules begin where the state ends; a bundle from 0 needs no memory."""
        return self.state is not None and 0 < self.first <= self.state.size

    # The stream of leaves

    def _edge(self):
        if not self.first:
            return []
        data = self._small("range.proof")
        if data is None:
            return None
        try:
            return read_edge(data, self.first)
        except Malformed as why:
            self.found.add("edge-wrong", why=str(why))
            return None

    def _stream(self):
        if not self._has("leaves.ndjson"):
            return
        edge = self.edge = self._edge()
        # Without the edge nothing can be compared, but everything else can still be looked at.
        stand_in = [bytes(32)] * bin(self.first).count("1")
        self.tree = Tree(self.first, stand_in if edge is None else edge)
        self.watches.sort(key=lambda watch: watch[0])
        self.extra = Extras(self)
        lines = Lines(None, lambda n: self.on_progress(self.done + n, self.whole))
        try:
            with self.bundle.open("leaves.ndjson") as lines.stream:
                self._leaves(lines)
        except Malformed as why:
            self.found.add("file-malformed", name="leaves.ndjson", why=str(why))
        self._listed("leaves.ndjson", lines.digest, lines.bytes, lines.count)
        self.extra.finish()
        if edge is not None:
            self.root = self.tree.root()
        self._compare_root()

    def _leaves(self, lines):
        index, pending, sha256 = self.first, [], hashlib.sha256
        begin = self.begin
        entry, extra, add = self.rules.entry, self.extra.entry, pending.append
        self._watched(index)
        stop = self._next_stop(index)
        try:
            for line in lines:
                if line[:1] == b'"':
                    add(self._hidden(index, line))
                else:
                    add(sha256(b"\x00" + line).digest())
                    leaf = entry(index, line) if index >= begin else parse_line(line)
                    extra(index, leaf)
                index += 1
                if index == stop:
                    self._flush(pending)
                    self._watched(index)
                    stop = self._next_stop(index)
        finally:
            # Also of a file that was cut off, so that the root says how far it reaches.
            self._flush(pending)

    def _next_stop(self, index):
        block = (index // BLOCK + 1) * BLOCK
        return min([block] + [size for size, _, _ in self.watches if size > index])

    def _flush(self, pending):
        tree = self.tree
        if len(pending) == BLOCK and tree.size % BLOCK == 0:
            root = root_of_block(pending)
            self.extra.block(tree.size // BLOCK, root)
            tree.add(root, 8)
        else:
            for each in pending:
                tree.add(each)
            if tree.size % BLOCK == 0 and tree.size >= self.first + BLOCK:
                self.extra.block(tree.size // BLOCK - 1, None)
        pending.clear()

    def _watched(self, index):
        while self.watches and self.watches[0][0] == index:
            size, root, name = self.watches.pop(0)
            if self.edge is not None and self.tree.root() != root:
                self.found.add("history-rewritten", name=name, size=size)

    def _hidden(self, index, line):
        self.hidden += 1
        if not re.fullmatch(rb'"[0-9a-f]{64}"', line):
            self.found.add("leaf-malformed", index, why="not a hash")
            return bytes(32)
        return bytes.fromhex(line[1:-1].decode())

    def _compare_root(self):
        found = self.tree.size - self.first
        if self.tree.size != self.size:
            self.found.add("range-wrong", found=found, first=self.first, last=self.size,
                           expected=self.size - self.first)  # fmt: skip
        if self.hidden != self.manifest["hidden"]:
            self.found.add("count-wrong", name="leaves.ndjson (#)", found=self.hidden,
                           listed=self.manifest["hidden"])  # fmt: skip
        if self.last is None or self.root is None:
            self.not_checked["root"] = "-"
            return
        if self.root != self.last.root or self.tree.size != self.last.size:
            block = self.wrong_block
            where = (block * BLOCK, block * BLOCK + BLOCK - 1) if block is not None else None
            self.found.add(
                "root-wrong",
                where_ko=f" (기록 {where[0]}–{where[1]} 사이)" if where else "",
                where_en=f" (between the entries {where[0]} and {where[1]})" if where else "",
            )
        elif self.wrong_block is not None:
            self.found.add("file-malformed", name="blocks.ndjson", why="it disagrees with the tree")

    # Ends

    def _statements(self):
        data = self._small("statements.ndjson")
        if data is None:
            self.not_checked["statements"] = "-"
            return
        try:
            for line in data.splitlines():
                row = parse_line(line)
                statement = {
                    "name": row.get("name") or row["partner"], "partner": row["partner"],
                    "begins": milliseconds(row["from"]), "ends": milliseconds(row["until"]),
                    "says_reads": row["reads"] + 0, "says_refused": row["refused"] + 0,
                    "reads": 0, "refused": 0,
                }  # fmt: skip
                self.statements.append(statement)
                self.rules.statements.setdefault(row["partner"], []).append(statement)
        except (Malformed, KeyError, TypeError) as why:
            self.found.add("file-malformed", name="statements.ndjson", why=str(why))

    def _ends(self):
        if not self.manifest["hidden"] and self._has("leaves.ndjson"):
            if self.rules.exports.get(self.manifest.get("export_index")) != self.first:
                if not (self.state and self.manifest.get("export_index", 0) < self.state.size):
                    self.found.add("export-missing", self.manifest.get("export_index"))
        for each in self.statements:
            for what in ("reads", "refused"):
                theirs, ours = each["says_" + what], each[what]
                values = {"name": each["name"], "theirs": theirs, "ours": ours}
                if what == "reads" and theirs > ours:
                    self.found.add("statement-more", **values)
                elif theirs != ours:
                    self.found.warn("statement-fewer", **values)
        if "openings.ndjson" not in self.files:
            self.not_checked["openings"] = "-"
        if not (self.before or self.state or self.checkpoints):
            self.not_checked["history"] = "-"


class Extras:
    """The files that are read beside the leaves: openings, erasures, hashes of blocks."""

    def __init__(self, check):
        self.check, self.found = check, check.found
        self.streams = {}
        self.opening = self._begin("openings.ndjson")
        self.erasure = self._begin("erasures.ndjson")
        self.blocks = self._begin("blocks.ndjson")
        self.wrong_erasures = False

    def _begin(self, name):
        if not self.check._has(name):
            return None
        try:
            lines = Lines(self.check.bundle.open(name))
        except Malformed as why:
            self.found.add("file-malformed", name=name, why=str(why))
            return None
        self.streams[name] = (lines, iter(lines))
        return self._next(name)

    def _next(self, name):
        try:
            line = next(self.streams[name][1], None)
            return None if line is None else parse_line(line)
        except Malformed as why:
            self.found.add("file-malformed", name=name, why=str(why))
            return None

    def entry(self, index, leaf):
        """Look at what belongs to this entry."""
        opening = self.opening
        while opening is not None and not isinstance(opening.get("index"), int):
            self.found.add("file-malformed", name="openings.ndjson", why="no index")
            opening = self.opening = self._next("openings.ndjson")
        while opening is not None and opening["index"] <= index:
            if opening["index"] < index or leaf is None or "commitment" not in leaf:
                self.found.add("opening-nowhere", opening["index"])
            elif not opening.get("erased"):
                self._open(index, leaf, opening)
            opening = self.opening = self._next("openings.ndjson")
        if leaf is not None and leaf["type"] in ERASING:
            self._erasure(index, leaf)

    def _open(self, index, leaf, opening):
        try:
            detail = opening["detail"].encode("utf-8")
            key = from_base64(opening["r"], 32)
        except (Malformed, KeyError, AttributeError, TypeError, UnicodeEncodeError):
            self.found.add("opening-wrong", index)
            return
        message = DETAIL + leaf["type"].encode() + b"\n" + detail
        if hmac.new(key, message, hashlib.sha256).hexdigest() != leaf["commitment"]:
            self.found.add("opening-wrong", index)

    def _erasure(self, index, leaf):
        listed, self.erasure = self.erasure, None
        if "erasures.ndjson" in self.streams:
            self.erasure = self._next("erasures.ndjson")
        if listed is None or (listed.get("index"), listed.get("type")) != (index, leaf["type"]):
            self._erasures_wrong(index)

    def _erasures_wrong(self, index):
        if not self.wrong_erasures:
            self.found.add("erasures-wrong", index)
        self.wrong_erasures = True

    def block(self, number, root):
        """Compare the root of 256 leaves with the list, to say where a difference begins."""
        listed = self.blocks
        if listed is None or listed.get("block") != number:
            return
        if root is not None and self.check.wrong_block is None:
            if listed.get("root") != base64.b64encode(root).decode():
                self.check.wrong_block = number
        self.blocks = self._next("blocks.ndjson")

    def finish(self):
        """Read what is left, and compare with the manifest."""
        if self.opening is not None:
            self.found.add("opening-nowhere", self.opening.get("index"))
        if self.erasure is not None:
            self._erasures_wrong(self.erasure.get("index"))
        for name, (lines, iterator) in self.streams.items():
            try:
                for _ in iterator:
                    pass
            except Malformed as why:
                self.found.add("file-malformed", name=name, why=str(why))
            lines.stream.close()
            self.check._listed(name, lines.digest, lines.bytes, lines.count)


def read_consistency(data):
    """Read `old N`, hashes, a blank line, a checkpoint: the body that a witness is sent."""
    head, divider, note = data.partition(b"\n\n")
    try:
        rows = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("not ASCII") from None
    if not divider or not re.fullmatch("old (0|[1-9][0-9]{0,18})", rows[0], re.ASCII):
        raise Malformed("it does not begin with the old size")
    if len(rows) > 64:
        raise Malformed("too long")
    return int(rows[0][4:]), [from_base64(row, 32) for row in rows[1:]], note


def read_edge(data, first):
    """Read the roots of the complete subtrees left of the range, largest first."""
    try:
        rows = data.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("not ASCII") from None
    if rows[:2] != [EDGE_FORMAT, f"index {first}"] or rows[-1]:
        raise Malformed("another form or another index")
    hashes = [from_base64(row, 32) for row in rows[2:-1]]
    if len(hashes) != bin(first).count("1"):
        raise Malformed("not one hash per complete subtree")
    return hashes


# ---------------------------------------------------------------------------------------------
# The report


def sentence(finding, language):
    """Return one finding as a sentence; language is 0 for Korean, 1 for English."""
    code, index, values = finding
    text = FINDINGS[code][1 + language].format(**values)
    if index is None:
        return text
    return (f"기록 {index}: {text}", f"Entry {index}: {text}")[language]


def results(check):
    """Return {name of a check: "yes", "no", "not checked"} and the findings of each."""
    counts = Counter()
    for code, number in check.found.counts.items():
        counts[FINDINGS[code][0]] += number
    answers = {}
    for name in CHECKS:
        unread = check.not_checked.get(name)
        answers[name] = "no" if counts[name] else "not checked" if unread else "yes"
    return answers, counts


def as_json(check, seconds):
    """Return the report as JSON-ready data."""
    answers, counts = results(check)

    def told(findings):
        return [
            {"code": code, "index": index, "ko": sentence(each, 0), "en": sentence(each, 1)}
            for each in findings
            for code, index, _ in (each,)
        ]

    return {
        "format": "consent-vault/report/1",
        "verified": not check.found.counts,
        "log": check.manifest["log"],
        "first": check.first,
        "last": check.size,
        "root": base64.b64encode(check.root).decode() if check.root else None,
        "keys": [key.text for key in check.keys],
        "key_given": check.keys_given,
        "checks": {
            name: {"ko": ko, "en": en, "answer": answers[name], "findings": counts[name]}
            for name, (ko, en) in CHECKS.items()
        },
        "findings": told(check.found.kept),
        "finding_counts": dict(sorted(check.found.counts.items())),
        "warnings": told(check.found.warnings),
        "warning_counts": dict(sorted(check.found.warning_counts.items())),
        "entries": dict(sorted(check.rules.types.items())),
        "unproven_grants": len(check.rules.unproven),
        "hidden": check.hidden,
        "not_proven_by_the_log": check.names_unproven,
        "statements": [
            {key: each[key] for key in ("name", "says_reads", "reads", "says_refused", "refused")}
            for each in check.statements
        ],
        "until": check.rules.latest,
        "seconds": round(seconds, 3),
    }


def as_text(check, languages):
    """Yield the report, line by line."""
    answers, counts = results(check)
    bad = bool(check.found.counts)

    def both(pair, **values):
        return " / ".join(pair[language].format(**values) for language in languages)

    yield ("[X] " if bad else "[O] ") + both(TEXTS["failed" if bad else "verified"])
    yield ""
    yield f"{both(TEXTS['log'])}: {check.manifest['log']}"
    latest = check.rules.latest
    until = f" ({in_words(latest, 9)} KST = {in_words(latest)} UTC)" if latest else ""
    yield f"{both(TEXTS['range'])}: {check.first:,} - {check.size:,}{until}"
    yield both(TEXTS["key_given" if check.keys_given else "key_here"])
    for key in check.keys:
        yield f"    {key.text}"
    yield ""
    for name, pair in CHECKS.items():
        mark = {"yes": "[O]", "no": "[X]", "not checked": "[-]"}[answers[name]]
        count = f"  ({counts[name]:,})" if counts[name] else ""
        note = f"  - {both(TEXTS['not_checked'])}" if mark == "[-]" else ""
        yield f"{mark} {both(pair)}{count}{note}"
    if check.found.kept:
        yield ""
        yield both(TEXTS["first"]) + ":"
        yield from _listed(check.found.kept, check.found.counts, languages)
    if check.found.warnings:
        yield ""
        yield both(TEXTS["warnings"]) + ":"
        yield from _listed(check.found.warnings, check.found.warning_counts, languages)
    yield from _notes(check, both)


def _notes(check, both):
    notes = []
    if check.rules.unproven:
        notes.append(both(TEXTS["unproven"], n=len(check.rules.unproven)))
    if check.hidden:
        notes.append(both(TEXTS["hidden"], n=check.hidden))
    if check.names_unproven:
        notes.append(both(TEXTS["named"], names=", ".join(check.names_unproven)))
    for each in check.statements:
        notes.append(
            f"{each['name']}: {each['says_reads']:,} = {each['reads']:,}?"
            f"  ({each['says_refused']:,} = {each['refused']:,}?)"
        )
    if notes:
        yield ""
        yield from notes


def _listed(findings, counts, languages, most=10):
    for each in findings[:most]:
        for language in languages:
            yield f"    {sentence(each, language)}"
    left = sum(counts.values()) - min(len(findings), most)
    if left:
        yield "    " + " / ".join(TEXTS["more"][language].format(n=left) for language in languages)


# ---------------------------------------------------------------------------------------------
# The command line


def progress(stream):
    """Return a function that draws how far we are, at most ten times a second."""
    last = [0.0]

    def draw(done, whole):
        now = time.monotonic()
        if now - last[0] < 0.1 and done < whole:
            return
        last[0] = now
        part = done / whole if whole else 1
        stream.write(f"\r[{'#' * int(part * 40):<40}] {part:4.0%}")
        stream.flush()

    return draw


def arguments(given):
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="verify.py",
        description="동의 금고의 기록을 확인합니다. / Check an export of a Consent Vault log.",
        epilog="exit code 0: verified, 1: something is amiss, 2: cannot be read",
    )
    parser.add_argument("bundle", nargs="?", help="directory or .zip (default: where verify.py is)")
    parser.add_argument(
        "--key", "--policy", dest="key", help="the log's key, or a policy file, got elsewhere"
    )
    parser.add_argument("--state", help="file that remembers the last verified bundle")
    parser.add_argument(
        "--checkpoint", action="append", default=[], help="a signed checkpoint that you kept"
    )
    parser.add_argument("--json", dest="json", help="write the report as JSON to this file")
    parser.add_argument("--lang", choices=("both", "ko", "en"), default="both")
    parser.add_argument("--quiet", action="store_true", help="print nothing; see the exit code")
    return parser.parse_args(given)


def keys_from(text):
    """Return the keys of `--key`: a key itself, or a file with keys or a policy in it."""
    if text is None:
        return None
    try:
        if os.path.exists(text):
            with open(text, encoding="utf-8") as stream:
                return keys_of(stream.read(1_000_000))
        return keys_of(text)
    except (Malformed, OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"--key: {error}") from None


def checkpoints_from(paths):
    """Read the checkpoints that were kept."""
    try:
        return [(os.path.basename(path), _read(path)) for path in paths]
    except OSError as error:
        raise Unreadable(f"--checkpoint: {error}") from None


def _read(path):
    with open(path, "rb") as stream:
        return stream.read(1_000_000)


def check_bundle(path, keys=None, state=None, checkpoints=(), on_progress=None):
    """Check one bundle and return what was found. Raises Unreadable."""
    return Check(path, keys, state, checkpoints, on_progress).run()


def main(given=None):
    """Run the command line and return the exit code."""
    asked = arguments(given)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # No cycles are made below; collecting over a large table would only cost time.
    gc.disable()
    began = time.monotonic()
    try:
        check, state_path = _run(asked), asked.state
        seconds = time.monotonic() - began
        if asked.json:
            with open(asked.json, "w", encoding="utf-8") as stream:
                json.dump(as_json(check, seconds), stream, ensure_ascii=False, indent=1)
        good = not check.found.counts
        if state_path and good:
            write_state(state_path, check)
    except (Unreadable, OSError) as error:
        print(f"[?] {error}", file=sys.stderr)
        return 2
    if not asked.quiet:
        _print(check, asked, seconds, state_path if good else None)
    return 0 if good else 1


def _run(asked):
    bundle = asked.bundle or os.path.dirname(os.path.abspath(__file__))
    draw = progress(sys.stderr) if sys.stderr.isatty() and not asked.quiet else None
    state = State.read(asked.state) if asked.state and os.path.exists(asked.state) else None
    try:
        return check_bundle(
            bundle, keys_from(asked.key), state, checkpoints_from(asked.checkpoint), draw
        )
    finally:
        if draw:
            sys.stderr.write("\r" + " " * 48 + "\r")


def _print(check, asked, seconds, state_path):
    languages = {"both": (0, 1), "ko": (0,), "en": (1,)}[asked.lang]
    for line in as_text(check, languages):
        print(line)
    if state_path:
        print(" / ".join(TEXTS["state_written"][each] for each in languages) + f": {state_path}")
    print(f"({seconds:.1f} s)")


if __name__ == "__main__":
    sys.exit(main())
