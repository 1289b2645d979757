require ["vacation", "date", "relational", "variables"];

set "subject" "";
if header :matches "Subject" "*" { set "subject" ": ${1}"; }

if allof (
    currentdate :value "ge" "iso8601" "2030-12-24T12:00:00+01:00",
    currentdate :value "lt" "iso8601" "2031-01-07T08:00:00+01:00",
    not exists ["List-Id"],
    not header :is ["Precedence", "X-Precedence"] ["bulk", "list", "junk"]
) {
    vacation :days 3
        :subject "Frohe Feiertage${subject}"
        :from "Émile Müller <emile@example.org>"
        :addresses ["emile@example.org", "e.müller@example.org", "\"emile m\"@example.org"]
        :mime text:
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="x-x"

--x-x
Content-Type: text/plain; charset=utf-8

Ich bin erst am 7. Januar wieder da. 🎄
..
..
...
--x-x
Content-Type: text/html; charset=utf-8

<p>Ich bin erst am <b>7. Januar</b> wieder da. 🎄</p>
--x-x--
.
;
}
