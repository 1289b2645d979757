require ["fileinto","vacation","reject","mailbox","date","relational","imap4flags"];
if allof ( currentdate :value "ge" "date" "2030-07-01", currentdate :value "le" "date" "2030-07-21" ) {
vacation :days 1 :addresses ["carla@example.org"] text:
Guten Tag,

ich bin bis zum 21. Juli nicht im Büro.
.. Zwei Punkte am Anfang einer Zeile bleiben einer.

Grüße
Carla
.
;
}
if anyof (header :contains "X-Spam-Flag" "YES", header :matches "X-Spam-Status" "Yes*") {
    fileinto :create "Junk";
    addflag "\\Seen";
    stop;
}
if header :is "Subject" "" { keep; }
elsif address :is :domain "from" ["partner.test", "example.net"] { fileinto "Partner"; }
elsif address :localpart :matches ["to", "cc"] "sales*" { fileinto "Sales"; }
else { keep; }
if header :contains "from" "blocked@example.com" { reject "No mail from you, please."; stop; }
