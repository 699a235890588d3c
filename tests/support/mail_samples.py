"""Replies as mail clients write them: quoted, in several parts, in other encodings."""

from __future__ import annotations

import base64
import quopri
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One message. Immutable.

    Args:
        raw: With CR LF, as it is sent.
        says: A line that the person wrote.
        quotes: A line of the quotation; "" without one.
    """

    raw: bytes
    says: str
    quotes: str = "> Stimmt ihr zu?"

    def to(self, address: str) -> bytes:
        """The message to that address."""
        return self.raw.replace(b"TO@EXAMPLE", address.encode("ascii"))


def _message(head: str, body: str) -> bytes:
    return f"{head.strip()}\n\n{body}".replace("\n", "\r\n").encode("ascii")


def _qp(text: str) -> str:
    return quopri.encodestring(text.encode("utf-8")).decode("ascii")


def _base64(text: str, charset: str = "utf-8") -> str:
    return base64.encodebytes(text.encode(charset)).decode("ascii")


_GMAIL_TEXT = (
    "Ja, schöne Grüße aus Zürich 🎉\r\n\r\nAm Di., 24. Nov. 2026 um 10:00 schrieb Umfragen:\r\n\r\n"
    "> Stimmt ihr zu?\r\n"
)
GMAIL = Sample(
    _message(
        """
MIME-Version: 1.0
Date: Tue, 24 Nov 2026 10:15:02 +0100
References: <sent@host.example>
In-Reply-To: <sent@host.example>
Message-ID: <CAJf+gmail=1@mail.gmail.com>
Subject: Re: =?UTF-8?Q?Gr=C3=B6=C3=9Fe?=
From: =?UTF-8?B?SsO8cmcgTcO8bGxlcg==?= <jurg@example.org>
To: Umfragen <TO@EXAMPLE>
Content-Type: multipart/alternative; boundary="000000000000a1b2c3d4e5f6"
""",
        f"""--000000000000a1b2c3d4e5f6
Content-Type: text/plain; charset="UTF-8"
Content-Transfer-Encoding: base64

{_base64(_GMAIL_TEXT)}
--000000000000a1b2c3d4e5f6
Content-Type: text/html; charset="UTF-8"
Content-Transfer-Encoding: quoted-printable

{_qp('<div dir="ltr">Ja, schöne Grüße aus Zürich 🎉</div><br><div class="gmail_quote">')}
--000000000000a1b2c3d4e5f6--
""",
    ),
    "Ja, schöne Grüße aus Zürich 🎉",
)

OUTLOOK = Sample(
    _message(
        """
Received: from HE1P.eurprd04.prod.outlook.example by AM9.example; Tue, 24 Nov 2026 09:20:11 +0000
From: =?iso-8859-1?Q?M=FCller=2C_Karin?= <karin@corp.example>
To: "'umfragen@host.example'" <TO@EXAMPLE>
Subject: AW: =?iso-8859-1?Q?Gr=F6=DFe?=
Thread-Topic: =?iso-8859-1?Q?Gr=F6=DFe?=
Date: Tue, 24 Nov 2026 09:20:10 +0000
Message-ID: <AM9PR04MB1234567890ABCDEF@AM9PR04MB.eurprd04.prod.outlook.example>
Accept-Language: de-DE
X-MS-Has-Attach:
Content-Type: multipart/related; boundary="_004_AM9_"; type="multipart/alternative"
MIME-Version: 1.0
""",
        """--_004_AM9_
Content-Type: multipart/alternative; boundary="_000_AM9_"

--_000_AM9_
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

Einverstanden =96 f=FCr 20 =80 geht das.

Mit freundlichen Gr=FC=DFen
Karin M=FCller

-----Urspr=FCngliche Nachricht-----
Von: Umfragen
> Stimmt ihr zu?

--_000_AM9_
Content-Type: text/html; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable

<html><head><style>p.MsoNormal {margin:0cm}</style></head>
<body><p class=3D"MsoNormal">Einverstanden</p></body></html>

--_000_AM9_--

--_004_AM9_
Content-Type: image/png; name="image001.png"
Content-Disposition: inline; filename="image001.png"
Content-ID: <image001.png@01DA>
Content-Transfer-Encoding: base64

iVBORw0KGgo=

--_004_AM9_--
""",
    ),
    "Einverstanden – für 20 € geht das.",
)

APPLE = Sample(
    _message(
        """
From: Zoë <zoe@example.org>
Content-Type: multipart/alternative; boundary="Apple-Mail=_1"
Mime-Version: 1.0 (Mac OS X Mail 16.0)
Subject: Re: Umfrage
Date: Tue, 24 Nov 2026 11:00:00 +0100
References: <sent@host.example>
To: Umfragen
 <TO@EXAMPLE>
In-Reply-To: <sent@host.example>
Message-Id: <5A1B2C3D-0001@example.org>
X-Mailer: Apple Mail (2.3774)
""".replace("Zoë", "=?utf-8?Q?Zo=C3=AB?="),
        f"""
--Apple-Mail=_1
Content-Transfer-Encoding: quoted-printable
Content-Type: text/plain;
\tcharset=utf-8

{_qp("Nein, das ist zu groß.")}

> On 24 Nov 2026, at 10:00, Umfragen wrote:
>=20
> Stimmt ihr zu?

--Apple-Mail=_1
Content-Type: multipart/mixed;
\tboundary="Apple-Mail=_2"

--Apple-Mail=_2
Content-Transfer-Encoding: 7bit
Content-Type: text/html;
\tcharset=us-ascii

<html><body>Nein</body></html>
--Apple-Mail=_2
Content-Disposition: inline;
\tfilename=plan.pdf
Content-Type: application/pdf;
\tname="plan.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--Apple-Mail=_2--

--Apple-Mail=_1--
""",
    ),
    "Nein, das ist zu groß.",
)

THUNDERBIRD = Sample(
    _message(
        """
Message-ID: <3f0c0b1e-1111-2222-3333-444455556666@example.org>
Date: Tue, 24 Nov 2026 12:00:00 +0100
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird
Subject: Re: Umfrage
To: TO@EXAMPLE
From: Ana <ana@example.org>
In-Reply-To: <sent@host.example>
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: 8bit
""",
        """Am 24.11.26 um 10:00 schrieb Umfragen:
> Stimmt ihr zu?
This is one paragraph that the client has broken because it \nwas longer than a line of it.
""",
    ),
    "This is one paragraph that the client has broken because it was longer than a line of it.",
)

PHONE = Sample(
    _message(
        """
Date: Tue, 24 Nov 2026 13:00:00 +0000
Message-ID: <phone-html-only@example.org>
To: TO@EXAMPLE
From: someone@example.org
Subject: =?utf-8?B?UmU6IFVtZnJhZ2U=?=
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64
""",
        _base64(
            "<html><body><p>はい、賛成です。</p><script>alert(1)</script>"
            "<blockquote>Stimmt ihr zu?</blockquote></body></html>"
        ),
    ),
    "はい、賛成です。",
)

CLIENTS = {
    "gmail": GMAIL,
    "outlook": OUTLOOK,
    "apple": APPLE,
    "thunderbird": THUNDERBIRD,
    "phone": PHONE,
}


def written(to: str, text: str = "Ja", message_id: str = "<a1@example.org>", **fields: str) -> bytes:
    """A short reply; `fields` are further header fields, ``_`` as ``-``."""
    lines = [
        f"To: {to}",
        "From: anna@example.org",
        f"Message-ID: {message_id}",
        "Content-Type: text/plain; charset=utf-8",
        *(f"{name.replace('_', '-')}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", text, ""]).encode("utf-8")
