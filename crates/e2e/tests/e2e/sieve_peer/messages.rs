//! Messages on which both sides are asked.

/// Ordinary ones and odd ones.
pub(crate) const ALL: [&str; 5] = [PLAIN, PARTS, ODD, LIST, BARE];

/// The first of them.
pub(crate) const PLAIN: &str = "\
Received: from b.test by c.test; Mon, 23 Nov 2026 10:09:41 +0000
Received: from a.test by b.test; Mon, 23 Nov 2026 11:09:40 +0100
From: Wile Coyote <coyote+desert@example.org>
To: roadrunner@example.com, \"Last, First\" <acme+list@example.net>
Cc: hidden@example.org
Subject: [acme-users] [fwd] version 1.0 is out
Date: Mon, 23 Nov 2026 10:09:39 +0100
Message-ID: <1@example.org>
X-Priority: 2
X-Spam-Score: 007

Look, I'm sorry about the whole anvil thing.
Buy now.
";

const PARTS: &str = "\
From: =?utf-8?q?J=C3=BCrgen?= <juergen@example.org>
To: Friends: ann@example.org, Bob <bob@example.net>;, roadrunner@example.com
Subject: =?utf-8?q?=C3=84rger_mit_?= Rechnung
Date: 1 Jan 70 00:00 GMT
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=\"outer\"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe, and a long=
 line
--inner
Content-Type: text/html; charset=us-ascii

<p>Hello <b>world</b></p>
--inner--
--outer
Content-Type: application/pdf; name=\"invoice.pdf\"
Content-Disposition: attachment; filename=\"invoice.pdf\"
Content-Transfer-Encoding: base64

TUFLRSBNT05FWSBGQVNU
--outer
Content-Type: message/rfc822

From: inside@example.org
Subject: inside
Content-Type: text/plain

inner words
--outer--
";

const ODD: &str = "\
from: coyote@EXAMPLE.ORG (a (nested) comment)
to: <@relay.test:roadrunner@example.com>
CC: \"quoted local\"@example.org
Subject:   spaces   around \t
Subject: second
X-Folded: one
 two
  three
X-Empty:
X-Numbers: 12abc
Date: Thu, 32 Jan 2026 10:00:00 +0000

a*b?c\\d
";

const LIST: &str = "\
From: dev-owner@example.org
To: dev@example.org
List-Id: Dev list <dev.list@example.org>
Subject: LOUD SUBJECT
Date: Sun, 29 Feb 2032 23:59:59 -0500
X-Spam-Flag: YES
Precedence: list

UPPER lower 123
";

const BARE: &str = "\
Subject: alone
X-Other: here

alone
";

/// One with an empty body.
pub(crate) const EMPTY: &str = "Subject: alone\n\n";
