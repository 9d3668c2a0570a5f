"""Small real files of every kind that can be uploaded, made on the spot."""

import io
import zipfile
from functools import cache

from folkmoot.knowledge.library import Upload
from folkmoot.knowledge.schemas import NewUpload

HTML = b"""<!DOCTYPE html>
<html><head><title>Not shown</title><style>p {color: red}</style><script>var never = "shown"</script></head>
<body><nav>Home | Imprint</nav>
<h1>Keeping &amp; bees</h1>
<p>A colony needs <b>about fifteen</b>
   kilograms of honey for the winter.</p>
<ul><li>brood frames</li><li>a <i>queen</i> excluder</li></ul>
<table><tr><th>month</th><th>work</th></tr><tr><td>May</td><td>watch for swarms</td></tr></table>
<pre>frames = 10
  boxes = 2</pre>
<!-- nor this --><p>The end.</p></body></html>"""
HTML_TEXT = """# Keeping & bees

A colony needs about fifteen kilograms of honey for the winter.

- brood frames
- a queen excluder

| month | work |
| May | watch for swarms |

```
frames = 10
  boxes = 2
```

The end."""

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_DOCUMENT = f"""<?xml version="1.0" encoding="UTF-8"?><w:document {_W}><w:body>
<w:p><w:pPr><w:pStyle w:val="berschrift1"/></w:pPr><w:r><w:t>Winter</w:t></w:r></w:p>
<w:p><w:r><w:t xml:space="preserve">Bees do not </w:t></w:r><w:r><w:t>sleep.</w:t></w:r>
<w:del><w:r><w:delText>x</w:delText></w:r></w:del></w:p>
<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/></w:numPr></w:pPr><w:r><w:t>sugar</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>hive</w:t></w:r></w:p></w:tc>
<w:tc><w:p><w:r><w:t>weight</w:t></w:r></w:p></w:tc></w:tr></w:tbl>
</w:body></w:document>"""
_STYLES = f'<w:styles {_W}><w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style></w:styles>'
DOCX_TEXT = "# Winter\n\nBees do not sleep.\n\n- sugar\n| hive | weight |"


def docx(document: str = _DOCUMENT) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/styles.xml", _STYLES)
        archive.writestr("word/document.xml", document)
    return held.getvalue()


@cache
def pdf(*lines: str) -> bytes:
    """A PDF of one page with these lines."""
    shown = " ".join(f"({line}) Tj 0 -20 Td" for line in lines)
    stream = f"BT /F1 12 Tf 50 700 Td {shown} ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def upload(raw: bytes, name: str, **about: object) -> Upload:
    return Upload(io.BytesIO(raw), name, NewUpload.model_validate(about))
