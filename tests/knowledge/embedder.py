"""A stub of a model for embeddings: it knows words by their letters, and which everyday words mean about the same."""

import math
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator
from zlib import crc32

from folkmoot.kernel.errors import Problem
from folkmoot.llm.embeddings import Embedded, EmbedRequest
from folkmoot.llm.messages import Usage

DIMENSIONS = 1024
BEGINNING = GROUP = 4

_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = """
    the and for are was were not but with from that this these those have has had its his her their our your you can
    could will would shall should may might must any all each some such than then there here what which who whom when
    where why how into onto over under does did being been they them she him one two per via out use too very of to in
    is it an a as at by be do if on or so up we my me no about again just more most other only same own off down
"""
_STOP = frozenset(_STOP_WORDS.split())

# What a real model has learnt from much text, in small: words of one line are near each other.
_MEANINGS = """
    buy buys bought purchase purchased shop order
    internet online web website
    return returns withdraw refund
    flat apartment rent tenant landlord home
    thunderstorm thunder storm lightning flash
    flat puncture punctured hole tube patch
    tyre tire tyres wheel
    repair mend fix
    far distance away near
    earthquake quake seismic station
    outside outdoors outdoor
    spring may april
    freeze freezing frozen frost ice icy
    company firm business
    customer customers client
    data leak leaked lost breach
    doctor physician ambulance
    baby pregnancy pregnant
    car vehicle
    bike bicycle cycling
    train railway locomotive
    boat ship vessel
    fast quick speed rapid
    begin start
    cheap price cost
    kill die death
    fridge refrigerator
    colour color colours inks
    height high tall
    sick ill disease
    star stars sun
    driver asleep sleep
"""
_MEANING = {word: f"={number}" for number, line in enumerate(_MEANINGS.split("\n")) for word in line.split()}


class StubEmbedder:
    """Same texts, same vectors. `faults` are raised by the next calls, one each; `asked` is what was asked for."""

    def __init__(self, model: str | None = "stub:letters", faults: list[Problem | None] | None = None) -> None:
        self.embedding_model = model
        self.faults = faults or []
        self.asked: list[EmbedRequest] = []

    async def embed(self, request: EmbedRequest) -> Embedded:
        self.asked.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        vectors = tuple(vector_of(text) for text in request.texts)
        usage = Usage(sum(map(len, request.texts)) // 4, 0, 0, None, 0.0, "stub", "letters")
        return Embedded(vectors=vectors, model=request.model or self.embedding_model or "", usage=usage)


def vector_of(text: str) -> "array[float]":
    """Hashed beginnings of words and groups of their letters; long words, which are the rarer ones, weigh more."""
    found = array("f", bytes(4 * DIMENSIONS))
    for (feature, weight), times in Counter(_features(text)).items():
        code = crc32(feature.encode())
        amount = weight * (1 + math.log(times))
        found[code % DIMENSIONS] += amount if code >> 31 else -amount
    return found


def _features(text: str) -> Iterator[tuple[str, float]]:
    folded = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    for word in _WORD.findall(plain):
        if word in _STOP:
            continue
        yield f"^{word[:BEGINNING]}", 8.0 * len(word)
        if word in _MEANING:
            yield _MEANING[word], 40.0
        padded = f"<{word}>"
        for place in range(max(1, len(padded) - GROUP + 1)):
            yield padded[place : place + GROUP], float(len(word))
